package io.diskengine.app;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** The command line of a child of {@code up}: this Java, this class path, another subcommand. */
final class ChildCommand {
  private static final List<String> ALWAYS =
      List.of(
          "--enable-native-access=ALL-UNNAMED",
          "-XX:+UseSerialGC",
          "-XX:-UsePerfData",
          "-XX:+ExitOnOutOfMemoryError",
          "-Xss512k",
          // The JVM's own threads look four times and once a second whether there is anything to
          // tidy up; an idle process has nothing (decision 0037).
          "-XX:+UnlockDiagnosticVMOptions",
          "-XX:AsyncDeflationInterval=5000",
          "-XX:ServiceThreadCleanupInterval=10000");

  private ChildCommand() {}

  /**
   * A data plane: what runs for each I/O is compiled as well as it can be. What runs for each
   * request of the control plane is not worth C2's time: it takes that from the same cores.
   */
  static List<String> engine(List<String> flags, String... arguments) {
    List<String> all =
        new ArrayList<>(
            List.of(
                "-Xmx256m",
                "-XX:ReservedCodeCacheSize=64m",
                "-XX:Tier4InvocationThreshold=40000",
                "-XX:Tier4MinInvocationThreshold=5000",
                "-XX:Tier4CompileThreshold=120000",
                "-XX:Tier4BackEdgeThreshold=320000"));
    all.addAll(flags);
    return java(all, arguments);
  }

  /**
   * An agent or the controller: starts fast and stays small. What it does once a second is compiled
   * after a minute, not after three or four.
   */
  static List<String> daemon(String... arguments) {
    return java(
        List.of(
            "-Xmx128m",
            "-XX:TieredStopAtLevel=1",
            "-XX:Tier3InvocationThreshold=50",
            "-XX:Tier3MinInvocationThreshold=25",
            "-XX:Tier3CompileThreshold=500",
            "-Djdk.virtualThreadScheduler.parallelism=1"),
        arguments);
  }

  private static List<String> java(List<String> flags, String... arguments) {
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(ALWAYS);
    command.addAll(flags);
    command.addAll(List.of("-cp", System.getProperty("java.class.path", "")));
    command.add(Main.class.getName());
    command.addAll(List.of(arguments));
    command.add(ParentWatch.OPTION);
    return command;
  }
}
