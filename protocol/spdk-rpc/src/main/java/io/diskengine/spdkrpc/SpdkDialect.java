package io.diskengine.spdkrpc;

import java.util.List;

/**
 * Parameters that differ between releases. Whether a method exists is asked with {@code
 * rpc_get_methods}; its parameters can not be asked, and one that is unknown fails the whole call,
 * so this table holds them (SPDK's CHANGELOG.md). A version between two rows has the older one's.
 *
 * @param since first release of this row
 * @param iostatParameter how {@code bdev_get_iostat} names a bdev
 * @param raidDeleteClearSb {@code bdev_raid_delete} takes {@code clear_sb}
 * @param attachMultipathOpts {@code bdev_nvme_attach_controller} takes {@code multipath_opts},
 *     which replaces the deprecated {@code bdev_nvme_set_multipath_policy}
 * @param batches JSON-RPC batch arrays are answered
 * @param receiveBufferBytes a request of this length or more resets the connection
 */
public record SpdkDialect(
    SpdkVersion since,
    IostatParameter iostatParameter,
    boolean raidDeleteClearSb,
    boolean attachMultipathOpts,
    boolean batches,
    int receiveBufferBytes) {

  /** {@code name} is a string, {@code names} an array. */
  public enum IostatParameter {
    NAME,
    NAMES
  }

  /** Newest first. v26.01 takes {@code name} and {@code names}. */
  private static final List<SpdkDialect> TABLE =
      List.of(
          new SpdkDialect(
              SpdkVersion.of(26, 5), IostatParameter.NAMES, true, true, true, 256 * 1024),
          new SpdkDialect(
              SpdkVersion.of(26, 1), IostatParameter.NAMES, false, false, false, 32 * 1024),
          new SpdkDialect(
              SpdkVersion.of(0, 0), IostatParameter.NAME, false, false, false, 32 * 1024));

  /** The newest known release is 26.9; later ones are taken to be like it. */
  public static SpdkDialect of(SpdkVersion version) {
    for (SpdkDialect dialect : TABLE) {
      if (version.atLeast(dialect.since)) {
        return dialect;
      }
    }
    throw new IllegalArgumentException("no SPDK release is called " + version);
  }

  public static SpdkDialect newest() {
    return TABLE.getFirst();
  }
}
