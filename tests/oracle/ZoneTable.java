import java.nio.charset.StandardCharsets;
import java.io.PrintStream;
import java.text.DateFormatSymbols;
import java.util.*;

/** Prints the English names of time zones in the order in which Java tries them, as src/ftl/format/zones.txt has them. */
public final class ZoneTable {
    public static void main(String[] args) throws Exception {
        PrintStream out = new PrintStream(System.out, false, StandardCharsets.UTF_8);
        Map<String, StringBuilder> rows = new LinkedHashMap<>();
        Set<String> seen = new HashSet<>();
        for (String[] row : DateFormatSymbols.getInstance(Locale.US).getZoneStrings()) {
            seen.add(row[0]);
            rows.computeIfAbsent(row[1] + "\t" + row[2] + "\t" + row[3] + "\t" + row[4], k -> new StringBuilder()).append('\t').append(row[0]);
            TimeZone z = TimeZone.getTimeZone(row[0]);
            String n = z.getDisplayName(false, 1, Locale.US) + z.getDisplayName(false, 0, Locale.US) + z.getDisplayName(true, 1, Locale.US) + z.getDisplayName(true, 0, Locale.US);
            if (!n.equals(row[1]+row[2]+row[3]+row[4])) System.err.println(row[0] + " " + n + " vs " + Arrays.toString(row));
        }
        for (String id : TimeZone.getAvailableIDs()) if (!seen.contains(id)) { TimeZone z=TimeZone.getTimeZone(id); System.err.println("missing " + id+" "+z.getDisplayName(false,0,Locale.US)+" "+z.getDisplayName(false,1,Locale.US)); }
        for (Map.Entry<String, StringBuilder> e : rows.entrySet()) out.println(e.getKey() + e.getValue());
        out.flush();
    }
}
