package io.diskengine.app;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.lang.ProcessBuilder.Redirect;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** How {@code up} runs a program that is not ours; a script stands for it. */
class SpdkTgtTest {
  @TempDir Path dir;

  private Path program(String script) throws IOException {
    Path program = dir.resolve("spdk_tgt");
    Files.writeString(program, "#!/bin/sh\n" + script);
    Files.setPosixFilePermissions(program, PosixFilePermissions.fromString("rwx------"));
    return program;
  }

  private Process start(SpdkTgt spdkTgt) throws IOException {
    return new ProcessBuilder(spdkTgt.command(Path.of("/d/spdk.sock"), Path.of("/d/vhost")))
        .redirectErrorStream(true)
        .redirectOutput(Redirect.to(dir.resolve("out").toFile()))
        .start();
  }

  /** Fails when the children do not end. */
  private static void awaitEnd(List<ProcessHandle> processes) throws Exception {
    for (ProcessHandle process : processes) {
      process.onExit().get(20, TimeUnit.SECONDS);
    }
  }

  @Test
  void programGetsItsSocketsAndTheArgumentsThatWereGiven() throws Exception {
    Process process = start(SpdkTgt.at(program("echo \"$@\"\n"), " -m 0x1  --no-huge "));
    assertThat(process.waitFor()).isZero();
    assertThat(dir.resolve("out"))
        .hasContent("-r /d/spdk.sock -S /d/vhost --wait-for-rpc -m 0x1 --no-huge");
  }

  @Test
  void programIsKilledWhenItsStarterIsGone() throws Exception {
    Process process = start(SpdkTgt.at(program("echo up\nexec sleep 1000\n"), ""));
    while (Files.size(dir.resolve("out")) == 0) {
      Thread.sleep(5);
    }
    List<ProcessHandle> watchers = process.descendants().toList();
    assertThat(watchers).isNotEmpty();
    process.getOutputStream().close();
    assertThat(process.waitFor()).isEqualTo(128 + 9);
    awaitEnd(watchers);
  }

  @Test
  void nothingIsLeftOfAProgramThatEndedItself() throws Exception {
    Process process =
        start(SpdkTgt.at(program("while [ ! -e " + dir + "/end ]; do sleep 0.01; done\n"), ""));
    List<ProcessHandle> watchers = process.descendants().toList();
    while (watchers.stream().noneMatch(p -> p.info().command().orElse("").endsWith("/cat"))) {
      Thread.sleep(5);
      watchers = process.descendants().toList();
    }
    Files.writeString(dir.resolve("end"), "");
    assertThat(process.waitFor()).isZero();
    awaitEnd(watchers);
  }

  @Test
  void whatCannotBeRunIsRefusedByName() {
    assertThatThrownBy(() -> SpdkTgt.at(dir.resolve("none"), ""))
        .isInstanceOf(IOException.class)
        .hasMessageContaining(dir.resolve("none").toString())
        .hasMessageContaining("not a program that can be run");
  }
}
