package io.diskengine.engine.reactor;

import static org.assertj.core.api.Assertions.assertThat;

import io.diskengine.engine.linux.Errno;
import io.diskengine.engine.linux.FileCalls;
import io.diskengine.engine.linux.SocketCalls;
import io.diskengine.nvme.NativeMemory;
import java.nio.file.Path;
import java.util.concurrent.Semaphore;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What only a kernel with real descriptors and threads can show. */
abstract class LinuxKernelContract extends KernelContract {
  @TempDir Path directory;

  @Override
  String path(String name) {
    return directory.resolve(name).toString();
  }

  @Test
  void aFullDeviceIsNoSpace() {
    int fd = kernel.openFile("/dev/full", FileCalls.O_RDWR, 0);
    assertThat(write(fd, 0, (byte) 1)).isEqualTo(-Errno.ENOSPC);
    kernel.close(fd);
  }

  @Test
  void pollSeesAnEventDescriptor() {
    int event = FileCalls.eventfd(FileCalls.EFD_NONBLOCK);
    long one = alloc(8);
    NativeMemory.putLong(one, 1);
    for (int round = 0; round < 3; round++) {
      long id = userData();
      kernel.submitPoll(event, FileCalls.POLLIN, id);
      pumpFor(500_000);
      assertThat(done(id)).isFalse();
      FileCalls.write(event, one, 8);
      assertThat(await(id)).isEqualTo(FileCalls.POLLIN);
      kernel.submitPoll(event, FileCalls.POLLIN, id);
      assertThat(await(id)).as("ready already").isEqualTo(FileCalls.POLLIN);
      FileCalls.read(event, alloc(8), 8);
    }
    long id = userData();
    kernel.submitPoll(event, FileCalls.POLLIN, id);
    pumpFor(500_000);
    kernel.submitCancel(id);
    assertThat(await(id)).isEqualTo(-Errno.ECANCELED);
    FileCalls.close(event);
  }

  @Test
  void wakesFromAnotherThreadEndSleeps() throws InterruptedException {
    int rounds = 200;
    Semaphore asleep = new Semaphore(0);
    Thread waker =
        Thread.ofPlatform()
            .start(() -> {
              for (int i = 0; i < rounds; i++) {
                asleep.acquireUninterruptibly();
                kernel.wake();
              }
            });
    long before = kernel.nowNs();
    for (int i = 0; i < rounds; i++) {
      asleep.release();
      kernel.sleep(5_000_000_000L);
      kernel.reap((userData, result) -> {});
    }
    assertThat(kernel.nowNs() - before).isLessThan(5_000_000_000L);
    waker.join();
  }

  @Test
  void closingEndsOperationsInFlightBeforeTheirMemoryGoes() throws Exception {
    int[] pair = new int[2];
    assertThat(SocketCalls.socketPair(SocketCalls.SOCK_STREAM, pair)).isZero();
    long buffer = alloc(8);
    kernel.submitRecv(pair[0], buffer, 8, userData());
    pumpFor(1_000_000);
    kernel.close();
    NativeMemory.putLong(buffer, 0);
    long word = alloc(8);
    NativeMemory.putLong(word, -1);
    assertThat(SocketCalls.send(pair[1], word, 8, 0)).isEqualTo(8);
    assertThat(SocketCalls.recv(pair[0], word, 8, SocketCalls.MSG_DONTWAIT)).isEqualTo(8);
    assertThat(NativeMemory.getLong(buffer)).isZero();
    FileCalls.close(pair[0]);
    FileCalls.close(pair[1]);
    kernel = create();
  }

  @Test
  void aLateWakeTouchesNoDescriptorOfSomebodyElse() throws Exception {
    Kernel closed = kernel;
    closed.close();
    int[] events = new int[8];
    for (int i = 0; i < events.length; i++) {
      events[i] = FileCalls.eventfd(FileCalls.EFD_NONBLOCK);
    }
    closed.wake();
    for (int event : events) {
      assertThat(FileCalls.read(event, alloc(8), 8)).isEqualTo(-Errno.EAGAIN);
      FileCalls.close(event);
    }
    kernel = create();
  }

  @Test
  void aSocketClosedThroughAnotherKernelLeavesNothingBehind() throws Exception {
    try (Kernel other = create()) {
      for (int round = 0; round < 3; round++) {
        int[] pair = connected(loopback(0)); // the same numbers each time
        long id = userData();
        kernel.submitRecv(pair[0], alloc(8), 8, id);
        pumpFor(500_000);
        assertThat(done(id)).isFalse();
        long sent = userData();
        kernel.submitSendv(pair[1], iov(alloc(8), 8), 1, sent);
        assertThat(await(sent)).isEqualTo(8);
        assertThat(await(id)).isEqualTo(8);
        for (int fd : pair) {
          assertThat(other.close(fd)).isZero();
        }
      }
    }
  }
}
