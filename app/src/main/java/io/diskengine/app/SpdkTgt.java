package io.diskengine.app;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * A program {@code spdk_tgt} that {@code up} runs as its data planes.
 *
 * @param program absolute
 * @param arguments beside those that {@code up} gives itself
 */
record SpdkTgt(Path program, List<String> arguments) {
  /** All on one core, without hugepages, without a look at PCI devices. */
  static final String DEFAULT_ARGUMENTS =
      "-m 0x1 --disable-cpumask-locks --no-huge -s 1024 --iova-mode=va --no-pci";

  /**
   * What {@link ParentWatch} does for a program that knows nothing of it: standard input ends with
   * its writer, and then the program is killed, if it is still the one (our parent).
   */
  private static final String DIE_WITH_PARENT =
      """
      exec 3<&0
      { cat >/dev/null; read -r _ _ _ parent _ </proc/self/stat
        [ "$parent" = $$ ] && kill -KILL $$; } <&3 3<&- &
      exec "$@" </dev/null 3<&-
      """;

  SpdkTgt {
    arguments = List.copyOf(arguments);
  }

  /**
   * @throws IOException when it cannot be run
   */
  static SpdkTgt at(Path program, String arguments) throws IOException {
    Path absolute = program.toAbsolutePath().normalize();
    if (!Files.isRegularFile(absolute) || !Files.isExecutable(absolute)) {
      throw new IOException(
          "--spdk-tgt "
              + program
              + ": is not a program that can be run; give the path of spdk_tgt");
    }
    String words = arguments.strip();
    return new SpdkTgt(absolute, words.isEmpty() ? List.of() : List.of(words.split("\\s+")));
  }

  /** The command line of one data plane. */
  List<String> command(Path rpcSocket, Path vhostDirectory) {
    List<String> command =
        new ArrayList<>(List.of("/bin/sh", "-c", DIE_WITH_PARENT, "sh", program.toString()));
    command.addAll(List.of("-r", rpcSocket.toString(), "-S", vhostDirectory.toString()));
    command.add("--wait-for-rpc");
    command.addAll(arguments);
    return command;
  }
}
