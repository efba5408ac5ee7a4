package io.diskengine.testkit.sim;

import io.diskengine.model.LvolSync;
import java.util.function.Consumer;

/**
 * What is done with a volume in its life, one thing each: {@link #prepare} leads there, {@link
 * #play} is what faults meet. Played on whatever {@link Stage}.
 */
public enum Workflow {
  START("a cluster starts, with empty disks", _ -> {}, Stage::start),
  CREATE(
      "a volume with two replicas is created",
      Stage::start,
      s -> {
        s.create("v1");
        s.awaitWhole("v1");
      }),
  ATTACH(
      "it is attached, and a guest finds its disk",
      Workflow::created,
      s -> {
        s.attach("v1", "bm1");
        s.awaitAttached("v1", "bm1");
      }),
  DETACH(
      "its guest ends and it is detached",
      Workflow::attached,
      s -> {
        s.detach("v1");
        s.awaitDetached("v1");
      }),
  DELETE(
      "it is deleted",
      Workflow::created,
      s -> {
        s.delete("v1");
        s.awaitDeleted("v1");
      }),
  ONE_REPLICA(
      "a volume with one replica is created, attached, detached and deleted",
      Stage::start,
      s -> {
        s.create("v1", 1);
        s.attach("v1", "bm1");
        s.awaitAttached("v1", "bm1");
        s.detach("v1");
        s.awaitDetached("v1");
        s.delete("v1");
        s.awaitDeleted("v1");
      }),
  STORAGE_PLANE_RESTARTS(
      "a storage node's data plane dies under a guest and starts again",
      Workflow::attached,
      s -> {
        s.killPlane(s.nodeOf("v1", 0));
        s.awaitDesiredState();
      }),
  BAREMETAL_PLANE_RESTARTS(
      "a baremetal node's data plane dies under a guest and starts again",
      Workflow::attached,
      s -> {
        s.killPlane("bm1");
        s.awaitDesiredState();
      }),
  STORAGE_NODE_LOST(
      "a storage node is lost, its leg is dropped, it is back, the leg is rebuilt",
      Workflow::attached,
      s -> {
        String node = s.nodeOf("v1", 1);
        s.holdPlane(node);
        s.await(
            "the leg to be OUT, or to be waited for",
            () -> s.syncs("v1").contains(LvolSync.OUT) || s.isWaitingForALeg("v1"));
        s.release(node);
        s.awaitWhole("v1");
      }),
  MOVE(
      "the volume moves to another node in order",
      Workflow::attached,
      s -> {
        s.move("v1", "bm2");
        s.awaitAttached("v1", "bm2");
      }),
  MOVE_FROM_DEAD_NODE(
      "its node dies, it moves to another, the node is back",
      Workflow::attached,
      s -> {
        s.holdMachine("bm1");
        s.await("bm1 to be seen dead", () -> !s.isWorking("bm1"));
        s.moveFromDead("v1", "bm2");
        s.awaitAttached("v1", "bm2");
        s.release("bm1");
        s.awaitWhole("v1");
      }),
  MOVE_BY_FORCE(
      "it is taken from a node that works, with its guest connected",
      Workflow::attached,
      s -> {
        s.moveByForce("v1", "bm2");
        s.awaitAttached("v1", "bm2");
      }),
  DETACH_BY_FORCE(
      "it is detached with its guest connected",
      Workflow::attached,
      s -> {
        s.detachByForce("v1");
        s.awaitDetached("v1");
      }),
  MOVE_REPLICA(
      "a replica moves to another storage node",
      Workflow::attached,
      s -> {
        String from = s.nodeOf("v1", 0);
        s.moveReplica("v1", 0);
        s.await(
            "the replica to have moved", () -> s.isWhole("v1") && !s.nodeOf("v1", 0).equals(from));
      }),
  REPLACE_LOST_REPLICA(
      "a storage node is lost for long, its replica is replaced, the node is back",
      s -> {
        s.replaceAfter(Stages.REPLACE_AFTER_SEC);
        attached(s);
      },
      s -> {
        String lost = s.nodeOf("v1", 1);
        s.holdMachine(lost);
        s.await(
            "the replica to be replaced, or to be waited for",
            () ->
                s.there("v1").lvols().stream()
                    .anyMatch(
                        l -> l.slot() == 1 && l.generation() > 1 && l.sync() == LvolSync.IN_SYNC));
        s.release(lost);
        s.awaitWhole("v1");
      }),
  DELETE_WITH_DEAD_NODE(
      "a volume is deleted while a storage node is dead, which is back later",
      Workflow::created,
      s -> {
        String dead = s.nodeOf("v1", 0);
        s.holdMachine(dead);
        s.delete("v1");
        s.await("the other replica to be deleted", () -> s.there("v1").lvols().size() == 1);
        s.release(dead);
        s.awaitDeleted("v1");
      }),
  GROW(
      "it grows under its guest",
      Workflow::attached,
      s -> {
        s.grow("v1");
        s.awaitWhole("v1");
      }),
  GROW_DETACHED(
      "it grows while it is detached, then it is attached",
      s -> {
        attached(s);
        s.detach("v1");
        s.awaitDetached("v1");
      },
      s -> {
        s.grow("v1");
        s.attach("v1", "bm2");
        s.awaitAttached("v1", "bm2");
        s.awaitWhole("v1");
      });

  /** Constants that an enum's own constants cannot refer to. */
  private static final class Stages {
    static final int REPLACE_AFTER_SEC = 10;
  }

  private final String what;
  private final Consumer<Stage> way;
  private final Consumer<Stage> play;

  Workflow(String what, Consumer<Stage> way, Consumer<Stage> play) {
    this.what = what;
    this.way = way;
    this.play = play;
  }

  private static boolean isReplaced(Stage s, int slot) {
    return s.there("v1").lvols().stream()
        .anyMatch(l -> l.slot() == slot && l.generation() > 1 && l.sync() == LvolSync.IN_SYNC);
  }

  private static void created(Stage s) {
    s.start();
    s.create("v1");
    s.awaitWhole("v1");
  }

  private static void attached(Stage s) {
    created(s);
    s.attach("v1", "bm1");
    s.awaitAttached("v1", "bm1");
  }

  /** One line for people. */
  public String what() {
    return what;
  }

  /** All that comes before, without faults, to its end. */
  public void prepare(Stage stage) {
    way.accept(stage);
    if (this != START) {
      stage.awaitDesiredState();
    }
  }

  /** Returns when it is done and the state is the desired one. */
  public void play(Stage stage) {
    play.accept(stage);
    stage.awaitDesiredState();
  }
}
