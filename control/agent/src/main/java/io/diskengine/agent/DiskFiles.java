package io.diskengine.agent;

import io.diskengine.model.plan.DiskFile;
import io.diskengine.model.plan.DiskFile.Content;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/** Looks at the regular files that serve as disks, without the data plane. */
final class DiskFiles {
  static final int BLOCK_SIZE = 4096;

  /** Where file systems, partition tables, RAID and lvstores keep their marks. */
  private static final int PROBED_BYTES = 1 << 20;

  private DiskFiles() {}

  static DiskFile look(StorageNodeConfig.Disk disk) {
    Path file = disk.file().toAbsolutePath();
    String problem = problem(file);
    if (!problem.isEmpty()) {
      return diskFile(disk, file, 0, Content.UNKNOWN, problem);
    }
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.READ)) {
      long size = channel.size() / BLOCK_SIZE * BLOCK_SIZE;
      boolean empty =
          isZero(channel, 0) && isZero(channel, Math.max(0, channel.size() - PROBED_BYTES));
      return diskFile(disk, file, size, empty ? Content.EMPTY : Content.DATA, "");
    } catch (IOException e) {
      return diskFile(disk, file, 0, Content.UNKNOWN, "cannot be read: " + e.getMessage());
    }
  }

  private static DiskFile diskFile(
      StorageNodeConfig.Disk disk, Path file, long size, Content content, String problem) {
    return new DiskFile(
        file.toString(), disk.serial(), 1, "file", size, BLOCK_SIZE, content, problem);
  }

  private static String problem(Path file) {
    if (!Files.exists(file)) {
      return "the file does not exist";
    }
    return Files.isRegularFile(file) ? "" : "it is not a regular file";
  }

  private static boolean isZero(FileChannel channel, long from) throws IOException {
    ByteBuffer buffer = ByteBuffer.allocate(PROBED_BYTES);
    while (buffer.hasRemaining() && channel.read(buffer, from + buffer.position()) > 0) {
      // reads on
    }
    buffer.flip();
    while (buffer.hasRemaining()) {
      if (buffer.get() != 0) {
        return false;
      }
    }
    return true;
  }
}
