package io.diskengine.app;

import io.diskengine.model.Sizes;
import java.io.PrintWriter;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/** Columns of text for people; the last column is not padded. */
final class Table {
  private final List<String[]> rows = new ArrayList<>();

  Table(String... header) {
    rows.add(header);
  }

  void row(@Nullable Object... cells) {
    String[] row = new String[cells.length];
    for (int i = 0; i < cells.length; i++) {
      Object cell = cells[i];
      row[i] = cell == null || cell.toString().isEmpty() ? "-" : clean(cell.toString());
    }
    rows.add(row);
  }

  void print(PrintWriter out) {
    int[] widths = new int[rows.getFirst().length];
    for (String[] row : rows) {
      for (int i = 0; i < widths.length; i++) {
        widths[i] = Math.max(widths[i], row[i].length());
      }
    }
    for (String[] row : rows) {
      StringBuilder line = new StringBuilder();
      for (int i = 0; i < row.length; i++) {
        line.append(row[i]);
        if (i < row.length - 1) {
          line.append(" ".repeat(widths[i] - row[i].length() + 2));
        }
      }
      out.println(line);
    }
  }

  /** One line, nothing that moves a terminal's cursor. */
  static String clean(String text) {
    return text.replaceAll("\\p{Cntrl}", " ");
  }

  /** Exact where that is short ({@code 1GiB}, {@code 1027MiB}), else one decimal. */
  static String size(long bytes) {
    String exact = Sizes.text(bytes);
    if (exact.length() <= "1027MiB".length()) {
      return exact;
    }
    String[] units = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    double value = bytes;
    int unit = 0;
    while (value >= 1024 && unit < units.length - 1) {
      value /= 1024;
      unit++;
    }
    return String.format(Locale.ROOT, "%.1f%s", value, units[unit]);
  }

  /** How long ago, in the largest unit that fits: {@code 12s}, {@code 3m}, {@code 5h}. */
  static String ago(Instant then) {
    long seconds = Math.max(0, Duration.between(then, Instant.now()).toSeconds());
    if (seconds < 120) {
      return seconds + "s";
    }
    if (seconds < 7_200) {
      return seconds / 60 + "m";
    }
    return seconds < 172_800 ? seconds / 3_600 + "h" : seconds / 86_400 + "d";
  }

  static String time(Instant at) {
    return at.truncatedTo(ChronoUnit.SECONDS).toString();
  }
}
