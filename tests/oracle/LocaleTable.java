import java.nio.charset.StandardCharsets;
import java.io.PrintStream;
import java.text.*;
import java.util.*;
import java.util.stream.*;

/** Prints what the running Java knows about locales, as src/ftl/format/data/locales.txt has it. */
public final class LocaleTable {
    private static final Set<String> LANGUAGES = Set.of(("af am ar az be bg bn bs ca cs cy da de el en es et eu fa fi fil fr ga gl gu he"
            + " hi hr hu hy id is it ja ka kk km kn ko lo lt lv mk ml mn mr ms mt my nb ne nl nn no pa pl ps pt ro ru si sk sl sq sr"
            + " sv sw ta te th tr uk ur uz vi zh zu").split(" "));

    public static void main(String[] args) throws Exception {
        PrintStream out = new PrintStream(System.out, false, StandardCharsets.UTF_8);
        Set<String> names = new TreeSet<>();
        for (Locale l : Locale.getAvailableLocales()) {
            if (l.getScript().isEmpty() && l.getVariant().isEmpty() && !l.getLanguage().isEmpty()
                    && LANGUAGES.contains(l.getLanguage()) && !l.getCountry().matches("[0-9]+")) {
                names.add(l.getCountry().isEmpty() ? l.getLanguage() : l.getLanguage() + "_" + l.getCountry());
            }
        }
        Map<String, String> root = describe(Locale.ROOT);
        root.put("currencies", Currency.getAvailableCurrencies().stream().map(Currency::getCurrencyCode).sorted()
                .collect(Collectors.joining("\t")));
        Map<String, Map<String, String>> bases = new HashMap<>();
        print(out, "root", root, Map.of());
        for (String name : names) {
            int bar = name.indexOf('_');
            String language = bar < 0 ? name : name.substring(0, bar);
            Map<String, String> own = describe(bar < 0 ? new Locale(language) : new Locale(language, name.substring(bar + 1)));
            Map<String, String> parent = bar < 0 ? root : bases.getOrDefault(language, root);
            if (bar < 0) bases.put(language, own);
            print(out, name, own, parent);
        }
        out.flush();
    }

    static void print(PrintStream out, String name, Map<String, String> own, Map<String, String> parent) {
        StringBuilder sb = new StringBuilder();
        for (Map.Entry<String, String> e : own.entrySet()) {
            String value = e.getValue(), inherited = parent.get(e.getKey());
            if (e.getKey().equals("symbols_of_currencies") && inherited != null) {
                List<String> all = Arrays.asList(inherited.split("\t"));
                value = Arrays.stream(value.split("\t")).filter(c -> !all.contains(c)).collect(Collectors.joining("\t"));
                String listed = "\t" + e.getValue();
                for (String c : all) {
                    String code = c.substring(0, 3);
                    if (!listed.contains("\t" + code + "=")) value += (value.isEmpty() ? "" : "\t") + code + "=" + code;
                }
                inherited = "";
            }
            if (!value.equals(inherited)) sb.append(e.getKey()).append('\t').append(value).append('\n');
        }
        if (sb.length() > 0) out.print("[" + name + "]\n" + sb);
    }

    static Map<String, String> describe(Locale l) {
        Map<String, String> m = new LinkedHashMap<>();
        DecimalFormatSymbols s = DecimalFormatSymbols.getInstance(l);
        m.put("symbols", String.join("\t", "" + s.getDecimalSeparator(), "" + s.getGroupingSeparator(), "" + s.getZeroDigit(),
                minus(s), affix("0%", s), affix("0\u2030", s), s.getInfinity(), s.getNaN(), s.getExponentSeparator(),
                "" + s.getMonetaryDecimalSeparator(), "" + s.getMonetaryGroupingSeparator()));
        m.put("number", ((DecimalFormat) NumberFormat.getNumberInstance(l)).toPattern());
        m.put("percent", ((DecimalFormat) NumberFormat.getPercentInstance(l)).toPattern());
        m.put("currency", ((DecimalFormat) NumberFormat.getCurrencyInstance(l)).toPattern());
        m.put("money", s.getInternationalCurrencySymbol() + "\t" + s.getCurrencySymbol());
        m.put("symbols_of_currencies", Currency.getAvailableCurrencies().stream()
                .filter(c -> !c.getSymbol(l).equals(c.getCurrencyCode()))
                .map(c -> c.getCurrencyCode() + "=" + c.getSymbol(l)).sorted().collect(Collectors.joining("\t")));
        m.put("months", names(Calendar.MONTH, Calendar.LONG, 12, l));
        m.put("months_short", names(Calendar.MONTH, Calendar.SHORT, 12, l));
        m.put("months_alone", names(Calendar.MONTH, Calendar.LONG_STANDALONE, 12, l));
        m.put("months_short_alone", names(Calendar.MONTH, Calendar.SHORT_STANDALONE, 12, l));
        m.put("days", names(Calendar.DAY_OF_WEEK, Calendar.LONG, 7, l));
        m.put("days_short", names(Calendar.DAY_OF_WEEK, Calendar.SHORT, 7, l));
        m.put("years", "" + (Calendar.getInstance(l).get(Calendar.YEAR) - new GregorianCalendar(l).get(Calendar.YEAR)));
        m.put("eras_alone", names(Calendar.ERA, Calendar.LONG_STANDALONE, 2, l));
        m.put("halves", names(Calendar.AM_PM, Calendar.LONG, 2, l));
        m.put("halves_short", names(Calendar.AM_PM, Calendar.SHORT, 2, l));
        m.put("eras", names(Calendar.ERA, Calendar.LONG, 2, l));
        m.put("eras_short", names(Calendar.ERA, Calendar.SHORT, 2, l));
        StringBuilder dates = new StringBuilder(), times = new StringBuilder(), both = new StringBuilder();
        for (int i = 0; i < 4; i++) {
            String d = pattern(DateFormat.getDateInstance(i, l)), t = pattern(DateFormat.getTimeInstance(i, l));
            dates.append(i == 0 ? "" : "\t").append(d);
            times.append(i == 0 ? "" : "\t").append(t);
            String glue = pattern(DateFormat.getDateTimeInstance(i, i, l));
            int at = glue.indexOf(d);
            glue = glue.substring(0, at) + "{1}" + glue.substring(at + d.length());
            at = glue.indexOf(t);
            glue = glue.substring(0, at) + "{0}" + glue.substring(at + t.length());
            both.append(i == 0 ? "" : "\t").append(glue);
        }
        m.put("dates", dates.toString());
        m.put("times", times.toString());
        m.put("both", both.toString());
        m.put("offsets", offset("Etc/GMT-3", l) + "\t" + offset("Etc/GMT+3", l) + "\t"
                + TimeZone.getTimeZone("GMT0").getDisplayName(false, TimeZone.SHORT, l));
        GregorianCalendar c = new GregorianCalendar(l);
        m.put("utc", TimeZone.getTimeZone("UTC").getDisplayName(false, TimeZone.LONG, l));
        m.put("week", c.getFirstDayOfWeek() + "\t" + c.getMinimalDaysInFirstWeek());
        return m;
    }

    /** What a zone without a name is called, with `h` for the hours and `m` for the minutes. */
    static String offset(String zone, Locale l) {
        char zero = DecimalFormatSymbols.getInstance(l).getZeroDigit();
        String name = TimeZone.getTimeZone(zone).getDisplayName(false, TimeZone.LONG, l);
        return name.replace("" + zero + (char) (zero + 3), "h").replace("" + zero + zero, "m");
    }

    static String pattern(DateFormat f) { return ((SimpleDateFormat) f).toPattern(); }
    static String minus(DecimalFormatSymbols s) { return new DecimalFormat("0", s).getNegativePrefix(); }
    static String affix(String p, DecimalFormatSymbols s) { return new DecimalFormat(p, s).getPositiveSuffix(); }

    static String names(int field, int style, int count, Locale l) {
        Calendar c = field == Calendar.ERA ? Calendar.getInstance(TimeZone.getTimeZone("UTC"), l)
                : new GregorianCalendar(TimeZone.getTimeZone("UTC"), l);
        c.setLenient(true);
        List<String> r = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            c.clear();
            c.set(2024, 0, 7, 0, 0, 0);           // a Sunday
            if (field == Calendar.MONTH) c.set(2024, i, 1);
            else if (field == Calendar.DAY_OF_WEEK) c.set(2024, 0, 7 + i);
            else if (field == Calendar.AM_PM) c.set(Calendar.HOUR_OF_DAY, i * 12);
            else c.set(Calendar.ERA, i);
            String n = c.getDisplayName(field, style, l);
            r.add(n == null ? "" : n);
        }
        return String.join("\t", r);
    }
}
