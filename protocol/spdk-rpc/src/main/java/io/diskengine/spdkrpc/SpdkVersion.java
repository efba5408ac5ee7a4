package io.diskengine.spdkrpc;

import java.util.Comparator;
import org.jspecify.annotations.Nullable;

/** A release: 26.9 is what SPDK calls v26.09. A suffix such as {@code -pre} does not order. */
public record SpdkVersion(
    int major, int minor, int patch, @Nullable String suffix, @Nullable String commit)
    implements Comparable<SpdkVersion> {
  private static final Comparator<SpdkVersion> ORDER =
      Comparator.comparingInt(SpdkVersion::major)
          .thenComparingInt(SpdkVersion::minor)
          .thenComparingInt(SpdkVersion::patch);

  public static SpdkVersion of(int major, int minor) {
    return new SpdkVersion(major, minor, 0, null, null);
  }

  public boolean atLeast(SpdkVersion other) {
    return compareTo(other) >= 0;
  }

  @Override
  public int compareTo(SpdkVersion other) {
    return ORDER.compare(this, other);
  }

  /** As in SPDK's tags: {@code v26.09-pre}. */
  @Override
  public String toString() {
    return "v%d.%02d%s%s"
        .formatted(major, minor, patch == 0 ? "" : "." + patch, suffix == null ? "" : suffix);
  }
}
