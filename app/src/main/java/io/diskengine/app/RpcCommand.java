package io.diskengine.app;

import io.diskengine.spdkrpc.MethodClass;
import io.diskengine.spdkrpc.RpcRequest;
import io.diskengine.spdkrpc.RpcResult;
import io.diskengine.spdkrpc.SpdkError;
import io.diskengine.spdkrpc.SpdkRpcClient;
import java.time.Duration;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** One RPC to any SPDK process. */
@Command(
    name = "rpc",
    mixinStandardHelpOptions = true,
    description = "Call one JSON-RPC method of an SPDK process or of an engine.")
final class RpcCommand implements Callable<Integer> {
  private static final int MAX_TIMEOUT_SEC = 3_600;
  private static final JsonMapper MAPPER =
      JsonMapper.builder().enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS).build();

  @Spec CommandSpec spec;

  @Parameters(index = "0", paramLabel = "METHOD", description = "E.g. spdk_get_version.")
  String method;

  @Parameters(
      index = "1",
      arity = "0..1",
      paramLabel = "JSON",
      description = "Parameters, an object: '{\"name\": \"malloc0\"}'.")
  @Nullable String params;

  @Mixin DataPlaneSocket dataPlane;

  @Option(
      names = {"-t", "--timeout"},
      paramLabel = "SECONDS",
      description = "How long to wait for the reply (default: by method, 10 to 300).")
  @Nullable Integer timeoutSec;

  @SuppressWarnings("NullAway.Init") // picocli sets the options
  RpcCommand() {}

  @Override
  public Integer call() {
    if (!method.matches("[A-Za-z0-9_.]{1,128}")) {
      throw bad("METHOD \"" + Table.clean(method) + "\": must be letters, digits and '_'");
    }
    RpcRequest<JsonNode> request = RpcRequest.raw(method, parameters());
    Duration deadline = deadline();
    try (SpdkRpcClient spdk = dataPlane.connect()) {
      return print(spdk.call(request, deadline));
    }
  }

  private int print(RpcResult<JsonNode> result) {
    return switch (result) {
      case RpcResult.Ok<JsonNode>(JsonNode value) -> {
        spec.commandLine()
            .getOut()
            .println(MAPPER.writerWithDefaultPrettyPrinter().writeValueAsString(value));
        yield ExitCode.DONE;
      }
      case RpcResult.Rejected<JsonNode>(int code, String message) -> {
        say(SpdkError.describe(code, message));
        boolean badInput =
            SpdkError.isUnknownMethod(result)
                || SpdkError.isUndecodable(result)
                || code == SpdkError.INVALID_PARAMS.code();
        yield badInput ? ExitCode.REFUSED : ExitCode.FAILED;
      }
      case RpcResult.Unavailable<JsonNode>(String reason) -> {
        say(reason);
        yield ExitCode.UNAVAILABLE;
      }
      case RpcResult.Indeterminate<JsonNode> indeterminate -> {
        say(indeterminate.reason());
        yield ExitCode.FAILED;
      }
    };
  }

  private void say(String message) {
    spec.commandLine().getErr().println(spec.qualifiedName() + ": " + Table.clean(message));
  }

  private @Nullable JsonNode parameters() {
    if (params == null) {
      return null;
    }
    try {
      JsonNode node = MAPPER.readTree(params);
      if (node.isObject()) {
        return node;
      }
    } catch (JacksonException e) {
      // told below
    }
    throw bad("JSON \"" + Table.clean(params) + "\": must be one JSON object");
  }

  private Duration deadline() {
    if (timeoutSec == null) {
      return MethodClass.of(method).defaultDeadline();
    }
    if (timeoutSec < 1 || timeoutSec > MAX_TIMEOUT_SEC) {
      throw bad("--timeout " + timeoutSec + ": must be from 1 to " + MAX_TIMEOUT_SEC + " seconds");
    }
    return Duration.ofSeconds(timeoutSec);
  }

  private ParameterException bad(String message) {
    return new ParameterException(spec.commandLine(), message);
  }
}
