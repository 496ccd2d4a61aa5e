import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.sun.management.OperatingSystemMXBean;
import freemarker.template.Configuration;
import freemarker.template.Template;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.io.StringReader;
import java.io.StringWriter;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TimeZone;

/** Java FreeMarker over Jackson's maps, asked by run.py: a JSON line in, a JSON line out. */
public final class LanguageBench {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final OperatingSystemMXBean PROCESS =
            (OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();

    /** A template, and events as bytes and as maps. */
    private static final class Workload {
        final Template template;
        final List<byte[]> texts = new ArrayList<>();
        final List<Map<String, Object>> models = new ArrayList<>();
        final StringWriter writer = new StringWriter(16_384);

        Workload(Path folder, Path events, String name) throws Exception {
            Configuration configuration = new Configuration(Configuration.VERSION_2_3_34);
            configuration.setLocale(Locale.US);
            configuration.setTimeZone(TimeZone.getTimeZone("UTC"));
            String text = Files.readString(folder.resolve("templates").resolve(name + ".ftl"));
            template = new Template(name, new StringReader(text), configuration);
            for (String line : Files.readAllLines(events.resolve(name + ".ndjson"))) {
                byte[] bytes = line.getBytes(StandardCharsets.UTF_8);
                texts.add(bytes);
                models.add(model(bytes));
            }
        }

        static Map<String, Object> model(byte[] text) throws Exception {
            Map<String, Object> model = new HashMap<>();
            model.put("input", JSON.readValue(text, Map.class));
            return model;
        }

        StringBuffer render(int event) throws Exception {
            writer.getBuffer().setLength(0);
            template.process(models.get(event), writer);
            return writer.getBuffer();
        }

        byte[] parseAndRender(int event) throws Exception {
            writer.getBuffer().setLength(0);
            template.process(model(texts.get(event)), writer);
            return writer.toString().getBytes(StandardCharsets.UTF_8);
        }
    }

    /** What was made, so that nothing is optimised away. */
    private static long made;

    private static ObjectNode timed(Workload workload, String task, double seconds) throws Exception {
        long renders = 0;
        long wall = System.nanoTime();
        long cpu = PROCESS.getProcessCpuTime();
        long used;
        do {
            for (int event = 0; event < workload.texts.size(); event++) {
                made += task.equals("render")
                        ? workload.render(event).length()
                        : workload.parseAndRender(event).length;
            }
            renders += workload.texts.size();
            used = PROCESS.getProcessCpuTime() - cpu;
        } while (used < seconds * 1e9);
        ObjectNode answer = JSON.createObjectNode();
        answer.put("renders", renders).put("wall_ns", System.nanoTime() - wall).put("cpu_ns", used);
        return answer;
    }

    private static ObjectNode outputs(Workload workload) throws Exception {
        ObjectNode answer = JSON.createObjectNode();
        ArrayNode outputs = answer.putArray("outputs");
        for (int event = 0; event < workload.texts.size(); event++) {
            outputs.add(new String(workload.parseAndRender(event), StandardCharsets.UTF_8));
        }
        return answer;
    }

    public static void main(String[] arguments) throws Exception {
        Path folder = Path.of(arguments[0]);
        Path events = Path.of(arguments[1]);
        Map<String, Workload> workloads = new HashMap<>();
        PrintStream out = new PrintStream(System.out, true, StandardCharsets.UTF_8);
        BufferedReader requests =
                new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = requests.readLine(); line != null; line = requests.readLine()) {
            JsonNode request = JSON.readTree(line);
            String name = request.get("workload").asText();
            if (!workloads.containsKey(name)) {
                workloads.put(name, new Workload(folder, events, name));
            }
            String task = request.get("task").asText();
            ObjectNode answer = task.equals("outputs")
                    ? outputs(workloads.get(name))
                    : timed(workloads.get(name), task, request.get("seconds").asDouble());
            out.println(JSON.writeValueAsString(answer));
        }
    }
}
