package io.diskengine.engine.bdev;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.diskengine.engine.SteppedReactors;
import io.diskengine.engine.TestIo;
import io.diskengine.engine.bdev.DelayBdev.Latency;
import io.diskengine.engine.bdev.ErrorBdev.Fault;
import io.diskengine.engine.bdev.ErrorBdev.Injection;
import java.util.Arrays;
import java.util.UUID;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class FilterBdevTest {
  private static final int BLOCK = 512;

  private final SteppedReactors reactors = new SteppedReactors(7);
  private final BdevLayer layer = reactors.layer();

  @AfterEach
  void close() {
    reactors.close();
  }

  private MallocBdev malloc(String name) {
    MallocBdev bdev = new MallocBdev(name, UUID.randomUUID(), BLOCK, 64);
    reactors.home(() -> layer.register(bdev));
    return bdev;
  }

  private ErrorBdev errorOver(String name) {
    MallocBdev base = malloc(name);
    ErrorBdev[] made = {null};
    reactors.home(() -> made[0] = ErrorBdev.create(layer, base, null));
    return made[0];
  }

  private static byte[] filled(int value) {
    byte[] data = new byte[2 * BLOCK];
    Arrays.fill(data, (byte) value);
    return data;
  }

  @Test
  void injectedFailuresHitAsManyAsAskedAndOnlyTheirType() {
    ErrorBdev error = errorOver("m0");
    TestIo io = new TestIo(reactors, "EE_m0");
    reactors.home(() -> error.inject(IoType.WRITE, Injection.of(Fault.FAILURE, 2)));
    assertEquals(IoStatus.INTERNAL_DEVICE_ERROR, io.write(0, 0, filled(1)));
    assertArrayEquals(new byte[2 * BLOCK], io.read(1, 0, 2));
    assertEquals(IoStatus.INTERNAL_DEVICE_ERROR, io.write(1, 0, filled(2)));
    assertEquals(IoStatus.SUCCESS, io.write(1, 0, filled(3)));
    assertArrayEquals(filled(3), io.read(0, 0, 2));
  }

  @Test
  void injectedNvmeStatusIsWhatTheSubmitterSees() {
    ErrorBdev error = errorOver("m0");
    TestIo io = new TestIo(reactors, "EE_m0");
    reactors.home(() -> error.inject(null, Injection.status(IoStatus.UNRECOVERED_READ_ERROR, 1)));
    TestIo.Call read = io.await(io.startRead(0, 0, 1));
    assertEquals(IoStatus.UNRECOVERED_READ_ERROR, read.status());
    assertEquals(IoStatus.UNRECOVERED_READ_ERROR, io.run(0, BdevIo::flush));
  }

  @Test
  void pendingIoWaitsForResume() {
    ErrorBdev error = errorOver("m0");
    TestIo io = new TestIo(reactors, "EE_m0");
    reactors.home(() -> error.inject(IoType.WRITE, Injection.of(Fault.PENDING, 5)));
    TestIo.Call write = io.startWrite(1, 4, filled(9));
    reactors.settle();
    assertFalse(write.done());
    reactors.home(error::resumePending);
    assertEquals(IoStatus.SUCCESS, io.await(write).status());
    assertArrayEquals(filled(9), io.read(0, 4, 2));
  }

  @Test
  void corruptedWriteLeavesTheSubmittersBufferAlone() {
    ErrorBdev error = errorOver("m0");
    TestIo io = new TestIo(reactors, "EE_m0");
    reactors.home(
        () -> error.inject(IoType.WRITE, new Injection(Fault.CORRUPT_DATA, 1, 0, 700, 0xff, 0)));
    TestIo.Call write = io.await(io.startWrite(0, 0, filled(1)));
    assertArrayEquals(filled(1), write.data());
    byte[] expected = filled(1);
    expected[700] ^= (byte) 0xff;
    assertArrayEquals(expected, io.read(1, 0, 2));
  }

  @Test
  void nomemIsSubmittedAgainByTheChannel() {
    ErrorBdev error = errorOver("m0");
    TestIo io = new TestIo(reactors, "EE_m0");
    reactors.home(() -> error.inject(IoType.READ, Injection.of(Fault.NOMEM, 3)));
    assertArrayEquals(new byte[BLOCK], io.read(0, 0, 1));
  }

  @Test
  void corruptValueZeroIsRefused() {
    ErrorBdev error = errorOver("m0");
    reactors.home(() -> {
      BdevException refusal =
          assertThrows(
              BdevException.class,
              () -> error.inject(IoType.READ, Injection.of(Fault.CORRUPT_DATA, 1)));
      assertEquals(BdevException.EINVAL, refusal.errno());
    });
  }

  @Test
  void removedBaseTakesTheFilterAlong() {
    ErrorBdev error = errorOver("m0");
    int[] errno = {1};
    reactors.home(() -> layer.unregister(error.base(), e -> errno[0] = e));
    reactors.runUntil(() -> errno[0] != 1);
    assertEquals(0, errno[0]);
    reactors.home(() -> assertNull(layer.find("EE_m0")));
  }

  @Test
  void delayedCompletionsComeAfterTheirLatencyAndInOrder() {
    MallocBdev base = malloc("m0");
    DelayBdev[] delay = {null};
    reactors.home(() -> {
      delay[0] = DelayBdev.create(layer, base, "d0", null);
      for (Latency each : Latency.values()) {
        delay[0].latency(each, 1000);
      }
    });
    TestIo io = new TestIo(reactors, "d0");
    TestIo.Call first = io.startWrite(1, 0, filled(1));
    long start = reactors.nowNs();
    reactors.runForUs(900);
    assertFalse(first.done());
    io.await(first);
    assertTrue(reactors.nowNs() - start >= 950_000, () -> "took " + (reactors.nowNs() - start));
    assertEquals(IoStatus.SUCCESS, io.run(1, BdevIo::flush));
    assertArrayEquals(filled(1), io.read(0, 0, 2));
  }
}
