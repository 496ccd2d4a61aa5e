import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.*;
import java.text.DateFormatSymbols;
import java.util.*;

/**
 * Prints what time zones are called in other languages than English, as src/ftl/format/data/zone_names.txt has it.
 * Run with Java 17 and the path of zones.txt, whose rows it refers to.
 */
public final class ZoneNamesTable {
    /** The languages of most templates; all that Java has would be a megabyte. */
    private static final List<String> LANGUAGES = List.of("cs", "da", "de", "en", "es", "fi", "fr", "it", "ja", "ko", "nb", "nl",
            "no", "pl", "pt", "ru", "sv", "tr", "uk", "zh");

    public static void main(String[] args) throws Exception {
        PrintStream out = new PrintStream(System.out, false, StandardCharsets.UTF_8);
        List<String[]> rows = new ArrayList<>();
        for (String line : Files.readAllLines(Path.of(args[0]))) rows.add(line.split("\t"));
        Map<String, String[]> english = names(Locale.US);
        for (String language : LANGUAGES) {
            Map<String, String[]> own = names(new Locale(language));
            print(out, List.of(language), section(rows, own, english));
            Map<String, List<String>> countries = new LinkedHashMap<>();
            for (Locale l : Locale.getAvailableLocales()) {
                if (l.getLanguage().equals(new Locale(language).getLanguage()) && l.getCountry().matches("[A-Z]+")
                        && l.getScript().isEmpty() && l.getVariant().isEmpty()) {
                    countries.computeIfAbsent(section(rows, names(l), own), k -> new ArrayList<>()).add(language + "_" + l.getCountry());
                }
            }
            countries.forEach((section, locales) -> {
                Collections.sort(locales);
                print(out, locales, section);
            });
        }
        out.flush();
    }

    static Map<String, String[]> names(Locale l) {
        Map<String, String[]> m = new HashMap<>();
        for (String[] row : DateFormatSymbols.getInstance(l).getZoneStrings()) m.put(row[0], Arrays.copyOfRange(row, 1, 5));
        return m;
    }

    /** A line for each row, and one for each zone of it that is called otherwise; what is as in `base` is left out. */
    static String section(List<String[]> rows, Map<String, String[]> own, Map<String, String[]> base) {
        StringBuilder sb = new StringBuilder();
        for (int i = 0; i < rows.size(); i++) {
            Map<String, Integer> counts = new LinkedHashMap<>();
            List<String> zones = Arrays.asList(rows.get(i)).subList(4, rows.get(i).length);
            for (String zone : zones) counts.merge(line(zone, own, base), 1, Integer::sum);
            String common = Collections.max(counts.entrySet(), Map.Entry.comparingByValue()).getKey();
            if (!common.isEmpty()) sb.append(i).append(common).append('\n');
            for (String zone : zones) {
                String line = line(zone, own, base);
                if (!line.equals(common)) sb.append(zone).append(line).append('\n');
            }
        }
        return sb.toString();
    }

    static String line(String zone, Map<String, String[]> own, Map<String, String[]> base) {
        StringBuilder sb = new StringBuilder();
        for (int i = 0; i < 4; i++) {
            String name = own.get(zone)[i];
            sb.append('\t').append(name.equals(base.get(zone)[i]) ? "" : name);
        }
        return sb.toString().replaceFirst("\t+$", "");
    }

    static void print(PrintStream out, List<String> locales, String section) {
        if (!section.isEmpty()) out.print("[" + String.join(" ", locales) + "]\n" + section);
    }
}
