package io.diskengine.agent;

import io.diskengine.model.DataPlaneState;
import io.diskengine.model.Node;
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
  private static final long NEVER = Long.MAX_VALUE;

  /** A data plane that is not verified sooner is told of as one that starts. */
  private static final long SETTLES_MS = 10_000;

  private final Reasons reasons = new Reasons();
  private AgentWrite.@Nullable NodeSeen nodeSeen;
  private long seenDueMs = NEVER;
  private long firstAnswerMs = NEVER;
  private String plan = "";
  private long planAtMs = Long.MIN_VALUE / 2;

  /** What is in the database is not known: everything is told again. */
  void forget() {
    nodeSeen = null;
    seenDueMs = NEVER;
    firstAnswerMs = NEVER;
    reasons.clear();
  }

  /** It was asked what the data plane is, and it is known or away. */
  void planeAnswered(long nowMs) {
    firstAnswerMs = Math.min(firstAnswerMs, nowMs);
  }

  /** Reasons are told again, in case that somebody else changed them. */
  void resync() {
    reasons.clear();
  }

  /** When a reason will have lasted long enough to be told. */
  long nextDueMs() {
    return reasons.nextDueMs();
  }

  static AgentWrite.NodeSeen seen(
      DataPlane.Outcome.@Nullable Up up, boolean silent, boolean verified) {
    if (up == null) {
      return new AgentWrite.NodeSeen(DataPlaneState.DOWN, null, null);
    }
    DataPlaneState state =
        silent ? DataPlaneState.SILENT : verified ? DataPlaneState.READY : DataPlaneState.STARTING;
    return new AgentWrite.NodeSeen(state, up.incarnation(), up.version());
  }

  /**
   * The data plane, when it is not as it was told last. Every telling wakes others: nothing is said
   * of one that is about to be found as it was, or of which nobody believes anything yet.
   *
   * @param row the node as it is on record
   */
  List<AgentWrite> due(AgentWrite.NodeSeen seen, Node row, long nowMs) {
    boolean told = nodeSeen != null;
    long untilMs = firstAnswerMs == NEVER ? NEVER : firstAnswerMs + SETTLES_MS;
    boolean news = row.incarnation() != null && !row.incarnation().equals(seen.incarnation());
    boolean waits =
        nowMs < untilMs
            && !told
            && switch (seen.dataPlane()) {
              case DOWN -> firstAnswerMs == NEVER;
              case STARTING -> !news;
              default -> false;
            };
    seenDueMs = waits ? untilMs : NEVER;
    if (!told && row.isSeen(seen.dataPlane(), seen.incarnation(), seen.spdkVersion())) {
      nodeSeen = seen;
    }
    return waits || seen.equals(nodeSeen) ? List.of() : List.of(seen);
  }

  /** When the data plane will have to be told of as it is. */
  long seenDueMs() {
    return seenDueMs;
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

  /** They are on record now. */
  void told(List<AgentWrite> writes, long nowMs) {
    for (AgentWrite w : writes) {
      switch (w) {
        case AgentWrite.NodeSeen seen -> nodeSeen = seen;
        case AgentWrite.PublishReasons(List<Reason> why) -> reasons.published(why, nowMs);
        case AgentWrite.PublishPlan(String text) -> {
          plan = text;
          planAtMs = nowMs;
        }
        default -> {}
      }
    }
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
