package io.diskengine.engine.raid;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.zip.GZIPInputStream;

/** Disks that SPDK wrote. */
final class Images {
  private Images() {}

  /** {@code name} as in raid1-NAME.img.gz. */
  static byte[] read(String name) {
    String resource = "/raid/raid1-" + name + ".img.gz";
    try (InputStream raw = Images.class.getResourceAsStream(resource)) {
      if (raw == null) {
        throw new AssertionError("no " + resource);
      }
      return new GZIPInputStream(raw, 1 << 16).readAllBytes();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  static String sha256(byte[] content) {
    try {
      return HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(content));
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError(e);
    }
  }
}
