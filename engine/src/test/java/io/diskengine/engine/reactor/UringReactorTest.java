package io.diskengine.engine.reactor;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.util.Optional;
import org.junit.jupiter.api.BeforeAll;

class UringReactorTest extends ReactorContract {
  @BeforeAll
  static void needsIoUring() {
    Optional<String> refusal = Kernels.uringRefusal();
    assumeTrue(refusal.isEmpty(), () -> "io_uring is not tested here: " + refusal.orElseThrow());
  }

  @Override
  Kernels.Choice choice() {
    return Kernels.Choice.IO_URING;
  }
}
