package io.diskengine.spdkrpc;

import static org.assertj.core.api.Assertions.assertThat;

import io.diskengine.spdkrpc.RpcResult.Indeterminate;
import io.diskengine.spdkrpc.RpcResult.Unavailable;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Timeout;
import tools.jackson.databind.JsonNode;

/** A scripted SPDK's socket, and clients of it. */
@Timeout(20)
abstract class ScriptedSpdkFixture {
  static final RpcRequest<JsonNode> READ = RpcRequest.raw("log_get_level", null);
  static final RpcRequest<JsonNode> MUTATION = RpcRequest.raw("log_set_level", null);
  static final Duration SHORT = Duration.ofMillis(40);
  static final Duration LONG = Duration.ofSeconds(10);

  private Path directory;
  Path socket;

  @BeforeEach
  void directory() throws IOException {
    directory = Files.createTempDirectory("spdk-rpc");
    socket = directory.resolve("spdk.sock");
  }

  @AfterEach
  void cleanUp() throws IOException {
    Files.deleteIfExists(socket);
    Files.delete(directory);
  }

  SpdkRpcClient client(RpcOptions options) {
    return SpdkRpcClient.connect(new SpdkAddress.Unix(socket), options);
  }

  SpdkRpcClient client() {
    return client(RpcOptions.defaults().withCloseGrace(Duration.ZERO));
  }

  @SuppressWarnings("unchecked")
  static <T> Indeterminate<T> indeterminate(RpcResult<T> result) {
    assertThat(result).isInstanceOf(Indeterminate.class);
    return (Indeterminate<T>) result;
  }

  @SuppressWarnings("unchecked")
  static <T> Unavailable<T> unavailable(RpcResult<T> result) {
    assertThat(result).isInstanceOf(Unavailable.class);
    return (Unavailable<T>) result;
  }
}
