package io.diskengine.engine.nvmf;

import io.diskengine.nvme.IdentifyController;
import java.nio.charset.StandardCharsets;

/**
 * What nvmf_create_subsystem says; defaults are SPDK's.
 *
 * @param serialNumber at most 20 printable ASCII characters
 * @param modelNumber at most 40
 * @param dmrsl most blocks of one deallocated range; 0 for no limit
 * @param wzsl most bytes of one Write Zeroes as a power of two of 4 KiB; 0 for no limit
 */
public record SubsystemOptions(
    String nqn,
    String serialNumber,
    String modelNumber,
    boolean allowAnyHost,
    int maxNamespaces,
    int minCntlid,
    int maxCntlid,
    boolean anaReporting,
    long dmrsl,
    int wzsl) {
  public static final String DEFAULT_SERIAL = "00000000000000000000";
  public static final String DEFAULT_MODEL = "SPDK bdev Controller";
  public static final int DEFAULT_MAX_NAMESPACES = 32;

  /** One namespace table per reactor has this many entries. */
  public static final int LARGEST_MAX_NAMESPACES = 1024;

  public static final int MIN_CNTLID = 1;
  public static final int MAX_CNTLID = 0xffef;
  public static final long DEFAULT_DMRSL = 2_097_152;
  public static final int DEFAULT_WZSL = 12;

  static SubsystemOptions discovery(String nqn) {
    return new SubsystemOptions(
        nqn, DEFAULT_SERIAL, "", true, 0, MIN_CNTLID, MAX_CNTLID, false, 0, 0);
  }

  /** Whether serial and model number fit their fields of Identify Controller. */
  public boolean stringsFit() {
    return printable(serialNumber, IdentifyController.SN_SIZE)
        && printable(modelNumber, IdentifyController.MN_SIZE);
  }

  public boolean cntlidRangeValid() {
    return minCntlid >= MIN_CNTLID && maxCntlid <= MAX_CNTLID && minCntlid <= maxCntlid;
  }

  private static boolean printable(String text, int most) {
    return text.getBytes(StandardCharsets.UTF_8).length <= most
        && text.chars().allMatch(c -> c >= 0x20 && c <= 0x7e);
  }
}
