package io.diskengine.engine.reactor;

import static org.assertj.core.api.Assertions.assertThat;

import io.diskengine.engine.linux.Errno;
import io.diskengine.engine.linux.FileCalls;
import io.diskengine.nvme.NativeMemory;
import java.nio.file.Path;
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
    java.util.concurrent.Semaphore asleep = new java.util.concurrent.Semaphore(0);
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
}
