package io.diskengine.app;

import io.diskengine.api.ApiClient;
import io.diskengine.model.InvalidInput;
import java.io.PrintWriter;
import picocli.CommandLine;
import picocli.CommandLine.IExecutionExceptionHandler;
import picocli.CommandLine.IParameterExceptionHandler;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ParseResult;

/** Every failure as one line on standard error, with its exit code. */
final class Failures implements IExecutionExceptionHandler, IParameterExceptionHandler {
  @Override
  public int handleParseException(ParameterException e, String[] args) {
    CommandLine command = e.getCommandLine();
    PrintWriter err = command.getErr();
    String name = command.getCommandSpec().qualifiedName();
    err.println(name + ": " + oneLine(e.getMessage()) + " (see " + name + " --help)");
    if (args.length == 0) {
      command.usage(err);
    }
    err.flush();
    return ExitCode.REFUSED;
  }

  @Override
  public int handleExecutionException(Exception failure, CommandLine command, ParseResult parsed)
      throws Exception {
    int exitCode =
        switch (failure) {
          case InvalidInput e -> ExitCode.REFUSED;
          case ApiClient.RefusedException e when e.status() == 503 -> ExitCode.UNAVAILABLE;
          case ApiClient.RefusedException e ->
              e.status() < 500 ? ExitCode.REFUSED : ExitCode.FAILED;
          case ApiClient.UnreachableException e -> ExitCode.UNAVAILABLE;
          default -> throw failure;
        };
    PrintWriter err = command.getErr();
    err.println(command.getCommandSpec().qualifiedName() + ": " + oneLine(failure.getMessage()));
    err.flush();
    return exitCode;
  }

  private static String oneLine(@org.jspecify.annotations.Nullable String message) {
    return message == null ? "failed" : message.strip().replaceAll("\\s*\\R\\s*", "; ");
  }
}
