package io.diskengine.agent;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import java.io.RandomAccessFile;
import java.lang.ProcessBuilder.Redirect;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ZeroRangeTest {
  private static final long SIZE = 1 << 20;

  @TempDir Path dir;

  /** What util-linux says of the same filesystem. */
  private static boolean programCan(Path file) throws Exception {
    return new ProcessBuilder(
                List.of("fallocate", "--zero-range", "--length", "4096", file.toString()))
            .redirectErrorStream(true)
            .redirectOutput(Redirect.DISCARD)
            .start()
            .waitFor()
        == 0;
  }

  @Test
  void filesystemsAreToldApartWithoutAChangeOfTheFile() throws Exception {
    for (Path where : List.of(dir, Path.of("/dev/shm"))) { // a disk's filesystem, and tmpfs
      Path file = Files.createTempFile(where, "zero-range", "");
      try {
        try (RandomAccessFile content = new RandomAccessFile(file.toFile(), "rw")) {
          content.setLength(SIZE);
          content.write(new byte[] {1, 2, 3});
        }
        byte[] before = Files.readAllBytes(file);
        boolean possible = ZeroRange.isPossible(file, SIZE);
        assertEquals(SIZE, Files.size(file));
        assertEquals(-1, java.util.Arrays.mismatch(before, Files.readAllBytes(file)));
        assertEquals(programCan(file), possible, file.toString());
      } finally {
        Files.delete(file);
      }
    }
  }

  @Test
  void fileThatCannotBeOpenedIsNotTrusted() {
    assertFalse(ZeroRange.isPossible(dir.resolve("none"), SIZE));
  }
}
