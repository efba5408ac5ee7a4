package io.diskengine.app;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.io.PrintWriter;
import java.io.RandomAccessFile;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Objects;
import java.util.zip.GZIPInputStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** {@code lvstore check} on files. The store is one that SPDK wrote and that was killed. */
class LvstoreCommandTest {
  private static final int CLEAN_FLAG = 16;
  private static final int EXTENT_PAGE_OF_BLOB_1 = (4 + 2) * 4096;

  @TempDir Path directory;
  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();
  private Path store;

  @BeforeEach
  void unpack() throws IOException {
    store = directory.resolve("store");
    try (InputStream in =
        new GZIPInputStream(
            Objects.requireNonNull(getClass().getResourceAsStream("/lvs-basic-dirty.img.gz")))) {
      Files.copy(in, store);
    }
  }

  private int run(String... args) {
    CommandLine command = Main.commandLine();
    command.setOut(new PrintWriter(out, true)).setErr(new PrintWriter(err, true));
    return command.execute(args);
  }

  private int check(String... more) {
    String[] args = new String[3 + more.length];
    System.arraycopy(more, 0, args, 3, more.length);
    args[0] = "lvstore";
    args[1] = "check";
    args[2] = store.toString();
    return run(args);
  }

  private byte read(long offset) throws IOException {
    try (RandomAccessFile file = new RandomAccessFile(store.toFile(), "r")) {
      file.seek(offset);
      return file.readByte();
    }
  }

  private void write(long offset, int value) throws IOException {
    try (RandomAccessFile file = new RandomAccessFile(store.toFile(), "rw")) {
      file.seek(offset);
      file.write(value);
    }
  }

  @Test
  void consistentStoreIsSummedUpAndExitsWithZero() throws IOException {
    byte[] before = Files.readAllBytes(store);
    assertThat(check()).isZero();
    assertThat(out.toString())
        .contains("note: store, super block byte 16: not closed in order")
        .contains("--repair would: write the super block with clean = 1")
        .contains("dirty")
        .contains(": 0 inconsistencies");
    assertThat(Files.readAllBytes(store)).isEqualTo(before);
  }

  @Test
  void inconsistencyIsOneLineAndExitsWithOne() throws IOException {
    write(EXTENT_PAGE_OF_BLOB_1 + 30, 77);
    assertThat(check()).isEqualTo(1);
    assertThat(out.toString().lines().filter(l -> l.startsWith("inconsistent: ")))
        .singleElement()
        .asString()
        .contains("metadata page 2 byte " + (EXTENT_PAGE_OF_BLOB_1 + 4092))
        .contains("a wrong checksum in an extent page")
        .endsWith("[page-checksum]");
    assertThat(out.toString()).contains("not repaired, needs a decision");
  }

  @Test
  void jsonHasEveryFindingWithItsPlace() throws IOException {
    write(EXTENT_PAGE_OF_BLOB_1 + 30, 77);
    assertThat(check("--output", "json")).isEqualTo(1);
    JsonNode json = JsonMapper.builder().build().readTree(out.toString());
    assertThat(json.get("consistent").booleanValue()).isFalse();
    assertThat(json.get("lvol_store").get("clean").booleanValue()).isFalse();
    JsonNode first = json.get("findings").get(0);
    assertThat(first.get("rule").stringValue()).isEqualTo("page-checksum");
    assertThat(first.get("offset").longValue()).isEqualTo(EXTENT_PAGE_OF_BLOB_1 + 4092);
    assertThat(json.get("not_repaired")).hasSize(1);
  }

  @Test
  void repairSaysWhatItDoesAndClosesTheStore() throws IOException {
    assertThat(check("--repair")).isZero();
    assertThat(out.toString().lines().filter(l -> l.startsWith("repair: ")))
        .contains(
            "repair: write the super block with clean = 0",
            "repair: write the masks of used pages, blob ids and clusters",
            "repair: write the super block with clean = 1");
    assertThat(out.toString()).contains(", clean, ").contains(": 0 inconsistencies, 0 notes");
    assertThat(read(CLEAN_FLAG)).isEqualTo((byte) 1);
    out.getBuffer().setLength(0);
    assertThat(check("--repair")).isZero();
    assertThat(out.toString()).doesNotContain("repair:");
  }

  @Test
  void repairLeavesAStoreAloneThatNeedsADecision() throws IOException {
    write(EXTENT_PAGE_OF_BLOB_1 + 30, 77);
    byte[] before = Files.readAllBytes(store);
    assertThat(check("--repair")).isEqualTo(1);
    assertThat(out.toString()).contains("not repaired, needs a decision: inconsistent: blob");
    assertThat(Files.readAllBytes(store)).isEqualTo(before);
  }

  @Test
  void whatIsNoStoreExitsWithTwo() throws IOException {
    write(0, 'X');
    assertThat(check()).isEqualTo(2);
    assertThat(err.toString()).contains("no blobstore: byte 0 is not SPDKBLOB");
    assertThat(out.toString()).isEmpty();
    err.getBuffer().setLength(0);
    store = directory.resolve("absent");
    assertThat(check()).isEqualTo(2);
    assertThat(err.toString()).contains("absent: no such file");
    err.getBuffer().setLength(0);
    store = directory;
    assertThat(check()).isEqualTo(2);
    assertThat(err.toString()).contains("neither a file nor a block device");
    err.getBuffer().setLength(0);
    assertThat(run("lvstore", "check", "x", "--output", "xml")).isEqualTo(2);
    assertThat(run("lvstore")).isEqualTo(2);
  }

  /** Contract 13: the engine's lock; the holder is a process of its own, as an engine is. */
  @Test
  void storeInUseIsRefusedWithItsHolder() throws Exception {
    Process holder =
        new ProcessBuilder("flock", "--no-fork", store.toString(), "cat")
            .redirectError(ProcessBuilder.Redirect.INHERIT)
            .start();
    try {
      holder.outputWriter().write("held\n");
      holder.outputWriter().flush();
      assertThat(holder.inputReader().readLine()).isEqualTo("held");
      assertThat(check("--repair")).isEqualTo(2);
      assertThat(err.toString()).contains(store + ": in use by process " + holder.pid());
    } finally {
      holder.outputWriter().close();
      holder.waitFor();
    }
  }

  /** spdk_tgt takes no lock; whoever has the file open for writing counts. */
  @Test
  void storeOpenForWritingWithoutALockIsRefusedToo() throws Exception {
    Process holder =
        new ProcessBuilder("sh", "-c", "exec 9<>\"$0\"; cat", store.toString()).start();
    try {
      holder.outputWriter().write("open\n");
      holder.outputWriter().flush();
      assertThat(holder.inputReader().readLine()).isEqualTo("open");
      assertThat(check()).isEqualTo(2);
      assertThat(err.toString()).contains("has it open for writing");
    } finally {
      holder.outputWriter().close();
      holder.waitFor();
    }
  }
}
