package io.diskengine.engine.reactor;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.diskengine.engine.linux.Errno;
import io.diskengine.engine.sim.SimFile;
import io.diskengine.engine.sim.SimWorld;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class SimKernelTest extends KernelContract {
  private final SimWorld world = new SimWorld(42, 1);

  @Override
  Kernel create() {
    return world.reactor(0).kernel();
  }

  @Override
  String path(String name) {
    return "/sim/" + name;
  }

  @AfterEach
  void endWorld() {
    world.close();
  }

  @Test
  void aFullDeviceIsNoSpace() {
    int fd = open("file");
    SimFile file = world.file(path("file")).spaceLimitBytes(8192);
    assertThat(write(fd, 0, new byte[8192])).isEqualTo(8192);
    assertThat(write(fd, 8192, new byte[1])).isEqualTo(-Errno.ENOSPC);
    assertThat(write(fd, 4096, new byte[4096])).as("allocated already").isEqualTo(4096);
    file.fault((op, offset, length) -> op == SimFile.Operation.WRITE ? -Errno.EIO : 0);
    assertThat(write(fd, 0, new byte[1])).isEqualTo(-Errno.EIO);
    assertThat(read(fd, 0, 1)).hasSize(1);
    kernel.close(fd);
  }

  @Test
  void aStalledFileAnswersWhenItResumes() {
    int fd = open("file");
    world.file(path("file")).stall();
    long id = userData();
    kernel.submitWritev(fd, iov(alloc(512), 512), 1, 0, false, id);
    pumpFor(10_000_000_000L);
    assertThat(done(id)).isFalse();
    assertThatThrownBy(() -> kernel.close(fd))
        .as("a descriptor with operations outstanding")
        .isInstanceOf(IllegalStateException.class);
    world.file(path("file")).resume();
    assertThat(await(id)).isEqualTo(512);
    kernel.close(fd);
  }
}
