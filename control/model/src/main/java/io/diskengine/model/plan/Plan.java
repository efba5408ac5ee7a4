package io.diskengine.model.plan;

import java.util.List;

/** The whole answer of a planner; empty when nothing is to be done and nothing waits. */
public record Plan(List<Work> work, List<Blocked> blocked, Requeue requeue) {
  public Plan {
    work = List.copyOf(work);
    blocked = List.copyOf(blocked);
  }

  /** For people: one line for each commit, action and waiting object. */
  public String text() {
    StringBuilder text = new StringBuilder();
    for (Work w : work) {
      w.commits().forEach(c -> line(text, w.object().toString(), "commit " + c));
      String after =
          w.after().isEmpty()
              ? ""
              : ", after " + w.after().stream().map(Object::toString).sorted().toList();
      w.actions().forEach(a -> line(text, w.object().toString(), "do " + a + after));
    }
    for (Blocked b : blocked) {
      String cause = b.cause() == null ? "" : " (" + b.cause() + ")";
      line(text, b.object().toString(), "waits: " + b.waitingFor() + cause);
    }
    return text.isEmpty() ? "nothing to do" : text.toString();
  }

  private static void line(StringBuilder text, String object, String what) {
    if (!text.isEmpty()) {
      text.append('\n');
    }
    text.append(object).append(": ").append(what);
  }
}
