package io.diskengine.engine.reactor;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

class ReactorSpinTest {
  @Test
  void aReactorPollsForOneDiskOperationLongerThanForAnything() {
    assertEquals(50_000, ReactorGroup.spinNs(50_000, 0, false));
    assertEquals(200_000, ReactorGroup.spinNs(50_000, 1, false));
  }

  @Test
  void theMoreOperationsADiskHasTheShorterAReactorPolls() {
    assertEquals(50_000, ReactorGroup.spinNs(50_000, 4, false));
    assertEquals(6_250, ReactorGroup.spinNs(50_000, 32, false));
    assertEquals(1_562, ReactorGroup.spinNs(50_000, 128, true));
  }

  @Test
  void anIdleReactorDoesNotPoll() {
    assertEquals(0, ReactorGroup.spinNs(50_000, 0, true));
    assertEquals(0, ReactorGroup.spinNs(0, 7, false));
  }
}
