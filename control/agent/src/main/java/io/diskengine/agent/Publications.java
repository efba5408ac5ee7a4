package io.diskengine.agent;

import io.diskengine.model.Reason;
import io.diskengine.model.plan.Plan;
import io.diskengine.store.AgentSession;
import io.diskengine.store.AgentWrite;
import io.diskengine.store.PlanRequest;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What a node tells others in the database about itself, each when it changed: its data plane, why
 * its objects wait, its last plan. Owned by the agent's thread.
 */
final class Publications {
  private static final long PLAN_EVERY_MS = 5_000;
  private static final int MAX_PLAN_TEXT = 16_384;

  private final Reasons reasons = new Reasons();
  private AgentWrite.@Nullable NodeSeen nodeSeen;
  private String plan = "";
  private long planAtMs = Long.MIN_VALUE / 2;

  /** What is in the database is not known: everything is told again. */
  void forget() {
    nodeSeen = null;
    reasons.clear();
  }

  /** Reasons are told again, in case that somebody else changed them. */
  void resync() {
    reasons.clear();
  }

  /** When a reason will have lasted long enough to be told. */
  long nextDueMs() {
    return reasons.nextDueMs();
  }

  /** The data plane, when it is not as it was told last. */
  List<AgentWrite> due(AgentWrite.NodeSeen seen) {
    return seen.equals(nodeSeen) ? List.of() : List.of(seen);
  }

  /**
   * Reasons and plan, as far as they are due.
   *
   * @param settled nothing is under way: only then is a plan worth telling
   */
  List<AgentWrite> due(Plan last, Backoffs backoffs, boolean settled, long nowMs, Instant now) {
    List<AgentWrite> due = new ArrayList<>();
    List<Reason> why = reasons.due(last, backoffs, nowMs, now);
    if (why != null) {
      due.add(new AgentWrite.PublishReasons(why));
    }
    if (nowMs - planAtMs >= PLAN_EVERY_MS && settled) {
      String text = cut(last.text());
      if (!text.equals(plan)) {
        due.add(new AgentWrite.PublishPlan(text));
      }
    }
    return due;
  }

  /** They are on record now. Answers whether the node's own row changed. */
  boolean told(List<AgentWrite> writes, long nowMs) {
    boolean node = false;
    for (AgentWrite w : writes) {
      switch (w) {
        case AgentWrite.NodeSeen seen -> {
          nodeSeen = seen;
          node = true;
        }
        case AgentWrite.PublishReasons(List<Reason> why) -> reasons.published(why, nowMs);
        case AgentWrite.PublishPlan(String text) -> {
          plan = text;
          planAtMs = nowMs;
        }
        default -> {}
      }
    }
    return node;
  }

  /** Answers everybody who asked for the node's plan. */
  static void answer(AgentSession session, String plan, String sent) {
    for (PlanRequest request : session.planRequests()) {
      session.write(new AgentWrite.AnswerPlan(request.id(), cut(plan) + "\n" + sent));
    }
  }

  private static String cut(String text) {
    return text.length() <= MAX_PLAN_TEXT ? text : text.substring(0, MAX_PLAN_TEXT);
  }
}
