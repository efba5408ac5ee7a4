package io.diskengine.testkit.spdk;

import static org.assertj.core.api.Assertions.assertThat;

import io.diskengine.testkit.conformance.RawRpc;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The fake behind its real socket. */
class FakeServerTest {
  @TempDir Path directory;

  @SuppressWarnings("NullAway.Init") // JUnit sets the field
  FakeServerTest() {}

  /**
   * As with a real one: what connects between two processes is none of the second one's clients.
   */
  @Test
  void aConnectionMadeWhileNobodyIsThereDoesNotReachTheNextProcess() throws Exception {
    Path socket = directory.resolve("rpc");
    FakeServer.Room room = new FakeServer.Room(1);
    try (FakeServer server = FakeServer.start(room, "sn1", socket, directory, true)) {
      room.run(() -> server.spdk().kill());
      try (RawRpc early = new RawRpc(socket)) {
        assertThat(early.untilClosed()).isEmpty();
      }
      room.run(() -> server.spdk().start(true));
      try (RawRpc late = new RawRpc(socket)) {
        assertThat(late.call("rpc_get_methods", "")).contains("framework_start_init");
      }
    }
  }
}
