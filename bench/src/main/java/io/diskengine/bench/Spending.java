package io.diskengine.bench;

import io.diskengine.api.Api;
import io.diskengine.api.ApiClient;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * What a system spent so far: RPCs by node and method, as its agents count them (the last line of
 * their plans), and statements as PostgreSQL counts them.
 */
final class Spending {
  private static final Pattern RPCS = Pattern.compile("(?m)^sent so far: .* RPCs \\((.*)\\)");
  private static final int MOST_SHOWN = 12;

  private final ApiClient api;
  private final Statements statements;

  Spending(ApiClient api, Statements statements) {
    this.api = api;
    this.statements = statements;
  }

  /** By {@code node method}, {@code FLUSHES} and {@code SQL text}. */
  Map<String, Long> now() {
    Map<String, Long> all = new TreeMap<>();
    for (Api.NodePlan plan : api.get("/v1/plan?wait=20").as(Api.Plans.class).plans()) {
      Matcher rpcs = RPCS.matcher(String.valueOf(plan.plan()));
      if (!plan.live() || !rpcs.find()) {
        throw new IllegalStateException(plan.node() + " does not say what it sent: " + plan);
      }
      for (String one : rpcs.group(1).split(", ")) {
        String[] method = one.split(" ");
        all.put(plan.node() + " " + method[0], Long.parseLong(method[1]));
      }
    }
    statements
        .calls()
        .forEach((text, n) -> all.put(text.equals("FLUSHES") ? text : "SQL " + text, n));
    return all;
  }

  /** Prints what was spent since {@code before}, divided by {@code units}. */
  void show(String title, Map<String, Long> before, double units, boolean withStatements) {
    Map<String, Double> spent = new TreeMap<>();
    now()
        .forEach((what, n) -> {
          long more = n - before.getOrDefault(what, 0L);
          if (more > 0) {
            spent.put(what, more / units);
          }
        });
    System.out.printf(
        Locale.ROOT,
        "  %s: %.1f SQL statements, %.1f WAL flushes%n",
        title,
        sum(spent, "SQL "),
        spent.getOrDefault("FLUSHES", 0.0));
    for (String node : List.of("bm1", "sn1", "sn2")) {
      List<String> methods = new ArrayList<>();
      spent.forEach((what, n) -> {
        if (what.startsWith(node + " ")) {
          methods.add(String.format(Locale.ROOT, "%s %.2f", what.substring(4), n));
        }
      });
      System.out.printf(
          Locale.ROOT,
          "    %s: %.2f RPCs: %s%n",
          node,
          sum(spent, node + " "),
          String.join(", ", methods));
    }
    if (withStatements) {
      spent.entrySet().stream()
          .filter(e -> e.getKey().startsWith("SQL "))
          .sorted(Map.Entry.<String, Double>comparingByValue().reversed())
          .limit(MOST_SHOWN)
          .forEach(e -> {
            String text = e.getKey().substring(0, Math.min(120, e.getKey().length()));
            System.out.printf(Locale.ROOT, "    %8.2f %s%n", e.getValue(), text);
          });
    }
  }

  private static double sum(Map<String, Double> spent, String prefix) {
    return spent.entrySet().stream()
        .filter(e -> e.getKey().startsWith(prefix))
        .mapToDouble(Map.Entry::getValue)
        .sum();
  }
}
