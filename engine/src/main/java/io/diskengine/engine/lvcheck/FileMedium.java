package io.diskengine.engine.lvcheck;

import io.diskengine.engine.linux.Errno;
import io.diskengine.engine.linux.FileCalls;
import io.diskengine.engine.linux.FileCalls.FileStatus;
import io.diskengine.engine.linux.FileCalls.StatusResult;
import io.diskengine.nvme.NativeMemory;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.util.OptionalInt;

/** A file or block device that nobody else has: it is locked while it is looked at. */
public final class FileMedium implements Medium.Writable, AutoCloseable {
  private static final int BUFFER_BYTES = 1 << 20;

  private final Arena arena = Arena.ofConfined();
  private final long buffer = arena.allocate(BUFFER_BYTES, 4096).address();
  private final String path;
  private final int fd;
  private final long sizeBytes;

  private FileMedium(String path, int fd, long sizeBytes) {
    this.path = path;
    this.fd = fd;
    this.sizeBytes = sizeBytes;
  }

  /** The medium, or why it cannot be had. */
  public sealed interface Opened {
    record Ok(FileMedium medium) implements Opened {}

    record Refused(String reason) implements Opened {}
  }

  /** Opens and locks; what is in use is refused with its holder. */
  public static Opened open(String path, boolean writable) {
    if (!(FileCalls.status(path) instanceof StatusResult.Ok(FileStatus status))) {
      return new Opened.Refused(path + ": no such file, or its directory cannot be read");
    }
    if (!status.isBlockDevice() && !status.isRegularFile()) {
      return new Opened.Refused(path + ": neither a file nor a block device");
    }
    int flags = writable ? FileCalls.O_RDWR : FileCalls.O_RDONLY;
    int fd = FileCalls.open(path, status.isBlockDevice() ? flags | FileCalls.O_EXCL : flags, 0);
    if (fd == -Errno.EBUSY) {
      return new Opened.Refused(path + ": in use: the device is mounted or held by the kernel");
    }
    if (fd < 0) {
      return new Opened.Refused(path + ": cannot be opened: " + Errno.name(fd));
    }
    if (FileCalls.flock(fd, FileCalls.LOCK_EX | FileCalls.LOCK_NB) < 0) {
      OptionalInt holder = FileCalls.lockHolderPid(path);
      FileCalls.close(fd);
      return new Opened.Refused(
          path
              + ": in use by "
              + (holder.isPresent() ? "process " + holder.getAsInt() : "another process")
              + "; stop it first");
    }
    OptionalInt writer = OpenFiles.writer(path);
    if (writer.isPresent()) {
      FileCalls.close(fd);
      return new Opened.Refused(
          path
              + ": in use by process "
              + writer.getAsInt()
              + ", which has it open for writing; stop it first");
    }
    return new Opened.Ok(new FileMedium(path, fd, FileCalls.sizeBytes(fd)));
  }

  @Override
  public long sizeBytes() {
    return sizeBytes;
  }

  @Override
  public void read(long offsetBytes, byte[] into) throws IOException {
    for (int done = 0; done < into.length; ) {
      int count = Math.min(BUFFER_BYTES, into.length - done);
      int moved = FileCalls.pread(fd, buffer, count, offsetBytes + done);
      check(moved, "read", offsetBytes + done);
      NativeMemory.copy(buffer, into, done, moved);
      done += moved;
    }
  }

  @Override
  public void write(long offsetBytes, byte[] bytes) throws IOException {
    for (int done = 0; done < bytes.length; ) {
      int count = Math.min(BUFFER_BYTES, bytes.length - done);
      NativeMemory.copy(bytes, done, buffer, count);
      int moved = FileCalls.pwrite(fd, buffer, count, offsetBytes + done);
      check(moved, "written", offsetBytes + done);
      done += moved;
    }
  }

  @Override
  public void flush() throws IOException {
    int errno = FileCalls.fdatasync(fd);
    if (errno < 0) {
      throw new IOException(path + ": cannot be flushed: " + Errno.name(errno));
    }
  }

  private void check(int moved, String verb, long offset) throws IOException {
    if (moved <= 0) {
      throw new IOException(
          path
              + ": cannot be "
              + verb
              + " at byte "
              + offset
              + ": "
              + (moved == 0 ? "the end came too early" : Errno.name(moved)));
    }
  }

  @Override
  public void close() {
    FileCalls.close(fd);
    arena.close();
  }
}
