package io.diskengine.nvme;

/**
 * Offsets of the controller properties that exist on fabrics (NVMe Base 2.0, 3.1.3; NVMe-oF 1.1,
 * 3.4) and their bit fields. Unlike the other classes this one works on values, because properties
 * travel in {@link PropertyCommand}s: {@code Cap}, {@code Cc} and {@code Csts} read and compose
 * them.
 */
public final class ControllerProperty {
  /** Controller capabilities, 8 bytes. */
  public static final int CAP = 0x0;

  /** Version, 4 bytes. */
  public static final int VS = 0x8;

  /** Controller configuration, 4 bytes; the only one that a host writes, beside NSSR. */
  public static final int CC = 0x14;

  /** Controller status, 4 bytes. */
  public static final int CSTS = 0x1c;

  /** NVM subsystem reset, 4 bytes. */
  public static final int NSSR = 0x20;

  /** Controller ready timeouts, 4 bytes. */
  public static final int CRTO = 0x68;

  /** What a host writes to NSSR: "NVMe". */
  public static final int NSSR_RESET = 0x4e564d65;

  private ControllerProperty() {}

  /** Whether the property has 8 bytes; of those here only CAP does. */
  public static boolean isEightBytes(int offset) {
    return offset == CAP;
  }

  /** The value of VS for a version such as 2.0.0, 1.4.0. */
  public static int version(int major, int minor, int tertiary) {
    return major << 16 | minor << 8 | tertiary;
  }

  /** Controller capabilities. */
  public static final class Cap {
    /** Bit of CSS: the NVM command set. */
    public static final int CSS_NVM = 0x01;

    /** Bit of CSS: one or more I/O command sets, see Identify CNS 1Ch. */
    public static final int CSS_IOCS = 0x40;

    /** Bit of CSS: no I/O command set, as discovery controllers. */
    public static final int CSS_NONE = 0x80;

    private Cap() {}

    /**
     * Contiguous queues required, stride 0, pages of 4096 bytes only.
     *
     * @param mqes maximum queue entries, 0's based
     * @param toHalfSeconds worst-case time to become ready, 500 ms units
     * @param css command sets: {@code CSS_} bits
     */
    public static long of(int mqes, int toHalfSeconds, int css) {
      return mqes & 0xffffL | 1L << 16 | (toHalfSeconds & 0xffL) << 24 | (css & 0xffL) << 37;
    }

    /** Maximum queue entries, 0's based. */
    public static int mqes(long cap) {
      return (int) cap & 0xffff;
    }

    /** Contiguous queues required. */
    public static boolean cqr(long cap) {
      return (cap >>> 16 & 1) != 0;
    }

    /** Arbitration mechanisms. */
    public static int ams(long cap) {
      return (int) (cap >>> 17) & 3;
    }

    /** Timeout, 500 ms units. */
    public static int to(long cap) {
      return (int) (cap >>> 24) & 0xff;
    }

    /** Doorbell stride. */
    public static int dstrd(long cap) {
      return (int) (cap >>> 32) & 0xf;
    }

    /** NVM subsystem reset supported. */
    public static boolean nssrs(long cap) {
      return (cap >>> 36 & 1) != 0;
    }

    /** Command sets supported. */
    public static int css(long cap) {
      return (int) (cap >>> 37) & 0xff;
    }

    /** Least memory page is 2^(12 + mpsmin) bytes: the unit of MDTS. */
    public static int mpsmin(long cap) {
      return (int) (cap >>> 48) & 0xf;
    }

    public static int mpsmax(long cap) {
      return (int) (cap >>> 52) & 0xf;
    }
  }

  /** Controller configuration. */
  public static final class Cc {
    public static final int SHN_NONE = 0;
    public static final int SHN_NORMAL = 1;
    public static final int SHN_ABRUPT = 2;

    /** CSS: the NVM command set. */
    public static final int CSS_NVM = 0;

    /** CSS: all supported command sets. */
    public static final int CSS_IOCS = 6;

    /** CSS: admin command set only. */
    public static final int CSS_ADMIN_ONLY = 7;

    private Cc() {}

    /** What a host writes to enable: pages of 4096 bytes, 64-byte SQEs, 16-byte CQEs. */
    public static int enable(int css) {
      return 1 | (css & 7) << 4 | 6 << 16 | 4 << 20;
    }

    public static boolean en(int cc) {
      return (cc & 1) != 0;
    }

    /** Command set selected. */
    public static int css(int cc) {
      return cc >>> 4 & 7;
    }

    /** Memory page is 2^(12 + mps) bytes. */
    public static int mps(int cc) {
      return cc >>> 7 & 0xf;
    }

    public static int ams(int cc) {
      return cc >>> 11 & 7;
    }

    /** Shutdown notification. */
    public static int shn(int cc) {
      return cc >>> 14 & 3;
    }

    public static int withShn(int cc, int shn) {
      return cc & ~(3 << 14) | (shn & 3) << 14;
    }

    /** log2 of the submission queue entry size. */
    public static int iosqes(int cc) {
      return cc >>> 16 & 0xf;
    }

    /** log2 of the completion queue entry size. */
    public static int iocqes(int cc) {
      return cc >>> 20 & 0xf;
    }
  }

  /** Controller status. */
  public static final class Csts {
    public static final int RDY = 0x1;

    /** Controller fatal status. */
    public static final int CFS = 0x2;

    public static final int SHST_NORMAL = 0;
    public static final int SHST_OCCURRING = 1;
    public static final int SHST_COMPLETE = 2;
    public static final int NSSRO = 0x10;
    public static final int PP = 0x20;

    private Csts() {}

    public static boolean rdy(int csts) {
      return (csts & RDY) != 0;
    }

    public static boolean cfs(int csts) {
      return (csts & CFS) != 0;
    }

    /** Shutdown status. */
    public static int shst(int csts) {
      return csts >>> 2 & 3;
    }

    public static int withShst(int csts, int shst) {
      return csts & ~(3 << 2) | (shst & 3) << 2;
    }
  }
}
