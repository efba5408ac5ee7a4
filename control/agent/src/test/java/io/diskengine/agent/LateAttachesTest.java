package io.diskengine.agent;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.diskengine.model.FabricAddress;
import io.diskengine.model.plan.Action.AttachController;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class LateAttachesTest {
  private static final long BOUND_MS = AttachController.COMES_WITHIN_MS;

  private final LateAttaches late = new LateAttaches();

  @BeforeEach
  void connect() {
    late.connected("1@1", 0);
  }

  @Test
  void anAnsweredAttachDoesNotComeLate() {
    late.sent("c1");
    assertTrue(late.mayCome("c1", Long.MAX_VALUE));
    late.known("c1");
    late.connected("1@1", 10);
    assertFalse(late.mayCome("c1", 10));
    assertEquals(Map.of(), late.untilMs(10));
  }

  @Test
  void anAttachWhoseConnectionEndedMayComeUntilItsConnectIsOver() {
    late.sent("c1");
    late.connected("1@1", 10);
    assertEquals(Map.of("c1", 10 + BOUND_MS), late.untilMs(10));
    assertTrue(late.mayCome("c1", 9 + BOUND_MS));
    assertFalse(late.mayCome("c1", 10 + BOUND_MS));
    assertEquals(Map.of(), late.untilMs(10 + BOUND_MS));
  }

  @Test
  void whatWasSeenHasCome() {
    late.sent("c1");
    late.connected("1@1", 10);
    late.seen("c2"::equals);
    assertTrue(late.mayCome("c1", 11));
    late.seen("c1"::equals);
    assertFalse(late.mayCome("c1", 11));
  }

  @Test
  void ofTwoAttachesOfAControllerTheSecondThatWasSeenSaysNothingOfTheFirst() {
    late.sent("c1");
    late.connected("1@1", 10);
    late.sent("c1");
    late.known("c1");
    late.seen("c1"::equals);
    assertTrue(late.mayCome("c1", 9 + BOUND_MS));
    assertFalse(late.mayCome("c1", 10 + BOUND_MS));
  }

  @Test
  void nothingComesOfWhatWasSentToAnotherProcess() {
    late.sent("c1");
    late.connected("1@1", 10);
    late.sent("c2");
    late.connected("2@2", 20);
    assertEquals(Map.of(), late.untilMs(20));
  }

  @Test
  void whatAnAgentBeforeLeftOpenMayCome() {
    LateAttaches next = new LateAttaches();
    next.inherited(List.of("c1", "c2"), "1@1");
    next.inherited(List.of("c3"), null);
    assertTrue(next.mayCome("c1", 0));
    next.connected("1@1", 50);
    long untilMs = 50 + BOUND_MS;
    assertEquals(Map.of("c1", untilMs, "c2", untilMs, "c3", untilMs), next.untilMs(50));
    LateAttaches restarted = new LateAttaches();
    restarted.inherited(List.of("c1"), "1@1");
    restarted.inherited(List.of("c3"), null);
    restarted.connected("2@2", 50);
    assertEquals(Map.of("c3", untilMs), restarted.untilMs(50));
  }

  @Test
  void theControllerOfAnAttachIsReadFromItsRecord() {
    AttachController attach =
        new AttachController("v1-abc_r0_g1", FabricAddress.parse("tcp:10.0.0.1:4420"), "n", "h");
    assertEquals(Optional.of("v1-abc_r0_g1"), AttachController.controllerIn(attach.toString()));
    assertEquals(Optional.empty(), AttachController.controllerIn("Examine[bdev=x, y]"));
  }
}
