import freemarker.cache.StringTemplateLoader;
import freemarker.core.AliasTemplateDateFormatFactory;
import freemarker.core.AliasTemplateNumberFormatFactory;
import freemarker.core.ParseException;
import freemarker.core.TemplateDateFormatFactory;
import freemarker.core.TemplateNumberFormatFactory;
import freemarker.template.Configuration;
import freemarker.template.SimpleDate;
import freemarker.template.Template;
import freemarker.template.TemplateDateModel;
import freemarker.template.TemplateException;
import freemarker.template.TemplateExceptionHandler;
import freemarker.template.Version;
import java.io.BufferedReader;
import java.io.BufferedWriter;
import java.io.InputStreamReader;
import java.io.OutputStreamWriter;
import java.io.Writer;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Date;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * Renders templates with the FreeMarker on the class path: a request a line on standard input, an answer a line on
 * standard output, both JSON, in order.
 *
 * <p>Request: {"template": source, "name": its name, "templates": {name: source}, "data": {variable: value},
 * "settings": {name: value}, "now": milliseconds}; all but the template may be left out. "now" is the value of the
 * variable {@code oracle_now}, which the asking side writes where a template says {@code .now}.
 *
 * <p>Answer: {"output": text}, or {"phase": "settings" | "parse" | "render" | "time" | "size", "class", "message",
 * "line", "column"}; with "caught", the messages of what {@code <#attempt>} caught, and of their causes.
 *
 * <p>What JSON becomes: an object a LinkedHashMap, an array an ArrayList, a whole number an Integer, Long or BigInteger
 * by its size, any other number a BigDecimal, null is null.
 */
public final class Oracle {
    private static final int MAX_OUTPUT = 8 << 20;
    private static final long MAX_SECONDS = 5;

    public static void main(String[] arguments) throws Exception {
        System.setProperty("org.freemarker.loggerLibrary", "none");
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        Writer out = new BufferedWriter(new OutputStreamWriter(System.out, StandardCharsets.UTF_8));
        Renderer renderer = new Renderer();
        for (String line = in.readLine(); line != null; line = in.readLine()) {
            String request = line;
            FutureTask<Map<String, Object>> task = new FutureTask<>(() -> answer(request));
            renderer.tasks.put(task);
            Map<String, Object> answer;
            try {
                answer = task.get(MAX_SECONDS, TimeUnit.SECONDS);
            } catch (TimeoutException e) {
                renderer.abandon();
                renderer = new Renderer();
                answer = failure("time", e);
            } catch (ExecutionException e) {
                answer = failure("render", e.getCause());
            }
            StringBuilder text = new StringBuilder();
            writeJson(answer, text);
            out.append(text).append('\n');
            if (!in.ready()) out.flush();
        }
        out.flush();
        System.exit(0);
    }

    /** A thread with a stack for deep templates, which is left behind when a template never ends. */
    private static final class Renderer {
        final LinkedBlockingQueue<FutureTask<?>> tasks = new LinkedBlockingQueue<>();
        final Thread thread = new Thread(null, this::run, "renderer", 16 << 20);

        Renderer() {
            thread.setDaemon(true);
            thread.start();
        }

        private void run() {
            try {
                while (true) tasks.take().run();
            } catch (InterruptedException | ThreadDeath e) {
                // Abandoned.
            }
        }

        @SuppressWarnings({"deprecation", "removal"})
        void abandon() {
            try {
                thread.stop();
            } catch (UnsupportedOperationException e) {
                thread.interrupt();
            }
        }
    }

    @SuppressWarnings("unchecked")
    private static Map<String, Object> answer(String line) {
        Map<String, Object> request = (Map<String, Object>) new JsonReader(line).read();
        Configuration configuration;
        try {
            configuration = configuration((Map<String, Object>) request.get("settings"));
        } catch (Exception e) {
            return failure("settings", e);
        }
        Map<String, Object> templates = (Map<String, Object>) request.get("templates");
        StringTemplateLoader loader = new StringTemplateLoader();
        if (templates != null) templates.forEach((name, source) -> loader.putTemplate(name, (String) source));
        configuration.setTemplateLoader(loader);
        StringBuilder caught = new StringBuilder();
        configuration.setAttemptExceptionReporter((e, environment) -> caught.append(withCauses(e)).append('\n'));
        Template template;
        try {
            String name = (String) request.get("name");
            String source = (String) request.get("template");
            template = source == null ? configuration.getTemplate(name) : new Template(name, source, configuration);
        } catch (Throwable e) {
            return failure("parse", e);
        }
        Map<String, Object> data = (Map<String, Object>) request.get("data");
        if (data == null) data = new LinkedHashMap<>();
        BoundedWriter out = new BoundedWriter();
        try {
            Number now = (Number) request.get("now");
            if (now != null) {
                configuration.setSharedVariable("oracle_now", new SimpleDate(new Date(now.longValue()), TemplateDateModel.DATETIME));
            }
            template.process(data, out);
        } catch (TooMuchOutput e) {
            return failure("size", e);
        } catch (ThreadDeath e) {
            throw e;
        } catch (Throwable e) {
            Map<String, Object> failure = failure("render", e);
            failure.put("caught", caught);
            return failure;
        }
        Map<String, Object> answer = new LinkedHashMap<>();
        answer.put("output", out.text.toString());
        answer.put("caught", caught);
        return answer;
    }

    private static Configuration configuration(Map<String, Object> settings) throws Exception {
        Object version = settings == null ? null : settings.get("incompatible_improvements");
        Configuration configuration = new Configuration(version == null ? Configuration.VERSION_2_3_34 : new Version(version.toString()));
        configuration.setLogTemplateExceptions(false);
        configuration.setTemplateExceptionHandler(TemplateExceptionHandler.RETHROW_HANDLER);
        configuration.setSetting("locale", "en_US");
        configuration.setSetting("time_zone", "UTC");
        if (settings != null) {
            for (Map.Entry<String, Object> setting : settings.entrySet()) {
                if (setting.getKey().equals("custom_number_formats")) {
                    Map<String, TemplateNumberFormatFactory> formats = new LinkedHashMap<>();
                    aliases(setting).forEach((name, format) -> formats.put(name, new AliasTemplateNumberFormatFactory(format)));
                    configuration.setCustomNumberFormats(formats);
                } else if (setting.getKey().equals("custom_date_formats")) {
                    Map<String, TemplateDateFormatFactory> formats = new LinkedHashMap<>();
                    aliases(setting).forEach((name, format) -> formats.put(name, new AliasTemplateDateFormatFactory(format)));
                    configuration.setCustomDateFormats(formats);
                } else if (!setting.getKey().equals("incompatible_improvements")) {
                    configuration.setSetting(setting.getKey(), String.valueOf(setting.getValue()));
                }
            }
        }
        return configuration;
    }

    /** Names of formats and what they stand for: {@code {"price": "0.00"}}. */
    @SuppressWarnings("unchecked")
    private static Map<String, String> aliases(Map.Entry<String, Object> setting) {
        return (Map<String, String>) new JsonReader(String.valueOf(setting.getValue())).read();
    }

    private static Map<String, Object> failure(String phase, Throwable e) {
        Map<String, Object> answer = new LinkedHashMap<>();
        answer.put("phase", phase);
        String name = e.getClass().getName();
        answer.put("class", name.startsWith("java.") ? name : e.getClass().getSimpleName());
        String message = e.getMessage();
        if (e instanceof TemplateException) {
            TemplateException mistake = (TemplateException) e;
            message = withCauses(mistake);
            answer.put("line", mistake.getLineNumber());
            answer.put("column", mistake.getColumnNumber());
        } else if (e instanceof ParseException) {
            ParseException mistake = (ParseException) e;
            message = mistake.getEditorMessage();
            answer.put("line", mistake.getLineNumber());
            answer.put("column", mistake.getColumnNumber());
        }
        answer.put("message", String.valueOf(message));
        return answer;
    }

    /** A function of {@code ?map} fails with a message that says no more than that; its cause has the reason. */
    private static String withCauses(TemplateException e) {
        StringBuilder message = new StringBuilder(String.valueOf(e.getMessageWithoutStackTop()));
        for (Throwable cause = e.getCause(); cause != null; cause = cause.getCause()) {
            boolean told = cause instanceof TemplateException;
            message.append("\ncaused by: ").append(told ? ((TemplateException) cause).getMessageWithoutStackTop() : cause);
        }
        return message.toString();
    }

    private static final class BoundedWriter extends Writer {
        final StringBuilder text = new StringBuilder();

        @Override
        public void write(char[] characters, int offset, int length) {
            if (text.length() + length > MAX_OUTPUT) throw new TooMuchOutput();
            text.append(characters, offset, length);
        }

        @Override
        public void flush() {
        }

        @Override
        public void close() {
        }
    }

    /** An Error, because {@code <#attempt>} catches exceptions. */
    private static final class TooMuchOutput extends Error {
    }

    private static final class JsonReader {
        private final String text;
        private int at;

        JsonReader(String text) {
            this.text = text;
        }

        Object read() {
            char first = peek();
            switch (first) {
                case '{': return readObject();
                case '[': return readArray();
                case '"': return readString();
                case 't': at += 4; return true;
                case 'f': at += 5; return false;
                case 'n': at += 4; return null;
                default: return readNumber();
            }
        }

        private char peek() {
            while (Character.isWhitespace(text.charAt(at))) at++;
            return text.charAt(at);
        }

        private Map<String, Object> readObject() {
            Map<String, Object> object = new LinkedHashMap<>();
            at++;
            while (peek() != '}') {
                if (text.charAt(at) == ',') at++;
                peek();
                String key = readString();
                peek();
                at++;
                object.put(key, read());
            }
            at++;
            return object;
        }

        private List<Object> readArray() {
            List<Object> array = new ArrayList<>();
            at++;
            while (peek() != ']') {
                if (text.charAt(at) == ',') at++;
                array.add(read());
            }
            at++;
            return array;
        }

        private String readString() {
            StringBuilder string = new StringBuilder();
            for (at++; text.charAt(at) != '"'; at++) {
                char c = text.charAt(at);
                if (c == '\\') {
                    c = text.charAt(++at);
                    int plain = "bfnrt".indexOf(c);
                    if (plain >= 0) {
                        c = "\b\f\n\r\t".charAt(plain);
                    } else if (c == 'u') {
                        c = (char) Integer.parseInt(text.substring(at + 1, at + 5), 16);
                        at += 4;
                    }
                }
                string.append(c);
            }
            at++;
            return string.toString();
        }

        private Number readNumber() {
            int start = at;
            while (at < text.length() && "+-.0123456789eE".indexOf(text.charAt(at)) >= 0) at++;
            String number = text.substring(start, at);
            if (number.chars().anyMatch(c -> c == '.' || c == 'e' || c == 'E')) return new BigDecimal(number);
            BigInteger whole = new BigInteger(number);
            if (whole.bitLength() < Integer.SIZE) return whole.intValue();
            if (whole.bitLength() < Long.SIZE) return whole.longValue();
            return whole;
        }
    }

    private static void writeJson(Map<String, Object> answer, StringBuilder out) {
        String separator = "{";
        for (Map.Entry<String, Object> entry : answer.entrySet()) {
            out.append(separator).append('"').append(entry.getKey()).append("\":");
            if (entry.getValue() instanceof Number) out.append(entry.getValue());
            else writeJson(entry.getValue() == null ? "" : entry.getValue().toString(), out);
            separator = ",";
        }
        out.append('}');
    }

    private static void writeJson(String string, StringBuilder out) {
        out.append('"');
        for (int i = 0; i < string.length(); i++) {
            char c = string.charAt(i);
            boolean half = Character.isSurrogate(c) && !Character.isSurrogatePair(c, i + 1 < string.length() ? string.charAt(i + 1) : 'x')
                && !(i > 0 && Character.isSurrogatePair(string.charAt(i - 1), c));
            if (half) out.append("\\ufffd");
            else if (c == '"' || c == '\\') out.append('\\').append(c);
            else if (c < ' ' || c > '~') out.append(String.format("\\u%04x", (int) c));
            else out.append(c);
        }
        out.append('"');
    }
}
