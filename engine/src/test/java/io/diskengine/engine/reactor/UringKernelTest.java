package io.diskengine.engine.reactor;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.util.Optional;

class UringKernelTest extends LinuxKernelContract {
  @Override
  Kernel create() {
    Optional<String> refusal = Kernels.uringRefusal();
    assumeTrue(refusal.isEmpty(), () -> "io_uring is not tested here: " + refusal.orElseThrow());
    return Kernels.create(Kernels.Choice.IO_URING, 1);
  }
}
