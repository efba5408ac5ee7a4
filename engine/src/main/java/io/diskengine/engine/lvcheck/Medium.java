package io.diskengine.engine.lvcheck;

import java.io.IOException;

/** The bytes that a store lies on: a file, a block device, or memory. */
public interface Medium {
  long sizeBytes();

  /** Fills {@code into}; the whole range lies within the size. */
  void read(long offsetBytes, byte[] into) throws IOException;

  default byte[] read(long offsetBytes, int lengthBytes) throws IOException {
    byte[] bytes = new byte[lengthBytes];
    read(offsetBytes, bytes);
    return bytes;
  }

  /** A medium that can be repaired. */
  interface Writable extends Medium {
    void write(long offsetBytes, byte[] bytes) throws IOException;

    /** Everything written before survives a power failure. */
    void flush() throws IOException;
  }
}
