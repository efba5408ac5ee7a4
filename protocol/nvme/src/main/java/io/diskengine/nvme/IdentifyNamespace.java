package io.diskengine.nvme;

import java.util.UUID;

/** Identify Namespace (NVM Command Set 1.0, Figure 97), CNS 00h. Sizes are logical blocks. */
public final class IdentifyNamespace {
  public static final int SIZE = 4096;

  /** NCAP may be less than NSZE. */
  public static final int NSFEAT_THIN_PROVISIONING = 0x01;

  public static final int NSFEAT_ATOMIC_WRITE_UNIT = 0x02;

  public static final int NSFEAT_DEALLOCATED_ERROR = 0x04;

  public static final int NSFEAT_GUID_NEVER_REUSED = 0x08;

  /** NPWG, NPWA, NPDG, NPDA and NOWS are meant. */
  public static final int NSFEAT_OPTPERF = 0x10;

  public static final int NMIC_SHARED = 0x01;

  /** Deallocated blocks read as zeros. */
  public static final int DLFEAT_READ_ZEROES = 0x01;

  public static final int DLFEAT_READ_ONES = 0x02;

  /** Write Zeroes may deallocate. */
  public static final int DLFEAT_WRITE_ZEROES_DEALLOCATE = 0x08;

  public static final int LBA_FORMATS = 64;

  public static final int LBAF_SIZE = 4;

  /** Size. */
  public static final int NSZE = 0;

  /** Capacity. */
  public static final int NCAP = 8;

  /** Utilisation. */
  public static final int NUSE = 16;

  /** Features. */
  public static final int NSFEAT = 24;

  /** Number of LBA formats, 0's based. */
  public static final int NLBAF = 25;

  /** Formatted LBA size: index in bits 3:0. */
  public static final int FLBAS = 26;

  /** Metadata capabilities. */
  public static final int MC = 27;

  /** Data protection capabilities. */
  public static final int DPC = 28;

  /** Data protection settings. */
  public static final int DPS = 29;

  /** Multi-path I/O and sharing. */
  public static final int NMIC = 30;

  /** Reservation capabilities. */
  public static final int RESCAP = 31;

  /** Format progress. */
  public static final int FPI = 32;

  /** Deallocation features. */
  public static final int DLFEAT = 33;

  /** Atomic write unit normal, 0's based. */
  public static final int NAWUN = 34;

  /** Atomic write unit power fail, 0's based. */
  public static final int NAWUPF = 36;

  /** Atomic compare and write unit, 0's based. */
  public static final int NACWU = 38;

  /** Atomic boundary size normal, 0's based. */
  public static final int NABSN = 40;

  /** Atomic boundary offset. */
  public static final int NABO = 42;

  /** Atomic boundary size power fail, 0's based. */
  public static final int NABSPF = 44;

  /** Optimal I/O boundary; 0 is none. */
  public static final int NOIOB = 46;

  /** NVM capacity, bytes. */
  public static final int NVMCAP = 48;

  /** Preferred write granularity, 0's based. */
  public static final int NPWG = 64;

  /** Preferred write alignment, 0's based. */
  public static final int NPWA = 66;

  /** Preferred deallocate granularity, 0's based. */
  public static final int NPDG = 68;

  /** Preferred deallocate alignment, 0's based. */
  public static final int NPDA = 70;

  /** Optimal write size, 0's based. */
  public static final int NOWS = 72;

  /** Longest single source range of Copy. */
  public static final int MSSRL = 74;

  /** Longest Copy. */
  public static final int MCL = 76;

  /** Most source ranges of Copy, 0's based. */
  public static final int MSRC = 80;

  /** ANA group identifier. */
  public static final int ANAGRPID = 92;

  /** Attributes: bit 0 write protected. */
  public static final int NSATTR = 99;

  public static final int NVMSETID = 100;

  public static final int ENDGID = 102;

  /** Globally unique identifier. */
  public static final int NGUID = 104;

  /** IEEE extended unique identifier. */
  public static final int EUI64 = 120;

  /** LBA formats. */
  public static final int LBAF = 128;

  private IdentifyNamespace() {}

  public static long nsze(long data) {
    return NativeMemory.getLong(data + NSZE);
  }

  public static void nsze(long data, long v) {
    NativeMemory.putLong(data + NSZE, v);
  }

  public static long ncap(long data) {
    return NativeMemory.getLong(data + NCAP);
  }

  public static void ncap(long data, long v) {
    NativeMemory.putLong(data + NCAP, v);
  }

  public static long nuse(long data) {
    return NativeMemory.getLong(data + NUSE);
  }

  public static void nuse(long data, long v) {
    NativeMemory.putLong(data + NUSE, v);
  }

  public static int nsfeat(long data) {
    return NativeMemory.getUnsignedByte(data + NSFEAT);
  }

  public static void nsfeat(long data, int v) {
    NativeMemory.putByte(data + NSFEAT, (byte) v);
  }

  public static int nlbaf(long data) {
    return NativeMemory.getUnsignedByte(data + NLBAF);
  }

  public static void nlbaf(long data, int v) {
    NativeMemory.putByte(data + NLBAF, (byte) v);
  }

  public static int flbas(long data) {
    return NativeMemory.getUnsignedByte(data + FLBAS);
  }

  public static void flbas(long data, int v) {
    NativeMemory.putByte(data + FLBAS, (byte) v);
  }

  public static int mc(long data) {
    return NativeMemory.getUnsignedByte(data + MC);
  }

  public static void mc(long data, int v) {
    NativeMemory.putByte(data + MC, (byte) v);
  }

  public static int dpc(long data) {
    return NativeMemory.getUnsignedByte(data + DPC);
  }

  public static void dpc(long data, int v) {
    NativeMemory.putByte(data + DPC, (byte) v);
  }

  public static int dps(long data) {
    return NativeMemory.getUnsignedByte(data + DPS);
  }

  public static void dps(long data, int v) {
    NativeMemory.putByte(data + DPS, (byte) v);
  }

  public static int nmic(long data) {
    return NativeMemory.getUnsignedByte(data + NMIC);
  }

  public static void nmic(long data, int v) {
    NativeMemory.putByte(data + NMIC, (byte) v);
  }

  public static int rescap(long data) {
    return NativeMemory.getUnsignedByte(data + RESCAP);
  }

  public static void rescap(long data, int v) {
    NativeMemory.putByte(data + RESCAP, (byte) v);
  }

  public static int fpi(long data) {
    return NativeMemory.getUnsignedByte(data + FPI);
  }

  public static void fpi(long data, int v) {
    NativeMemory.putByte(data + FPI, (byte) v);
  }

  public static int dlfeat(long data) {
    return NativeMemory.getUnsignedByte(data + DLFEAT);
  }

  public static void dlfeat(long data, int v) {
    NativeMemory.putByte(data + DLFEAT, (byte) v);
  }

  public static int nawun(long data) {
    return NativeMemory.getUnsignedShort(data + NAWUN);
  }

  public static void nawun(long data, int v) {
    NativeMemory.putShort(data + NAWUN, (short) v);
  }

  public static int nawupf(long data) {
    return NativeMemory.getUnsignedShort(data + NAWUPF);
  }

  public static void nawupf(long data, int v) {
    NativeMemory.putShort(data + NAWUPF, (short) v);
  }

  public static int nacwu(long data) {
    return NativeMemory.getUnsignedShort(data + NACWU);
  }

  public static void nacwu(long data, int v) {
    NativeMemory.putShort(data + NACWU, (short) v);
  }

  public static int nabsn(long data) {
    return NativeMemory.getUnsignedShort(data + NABSN);
  }

  public static void nabsn(long data, int v) {
    NativeMemory.putShort(data + NABSN, (short) v);
  }

  public static int nabo(long data) {
    return NativeMemory.getUnsignedShort(data + NABO);
  }

  public static void nabo(long data, int v) {
    NativeMemory.putShort(data + NABO, (short) v);
  }

  public static int nabspf(long data) {
    return NativeMemory.getUnsignedShort(data + NABSPF);
  }

  public static void nabspf(long data, int v) {
    NativeMemory.putShort(data + NABSPF, (short) v);
  }

  public static int noiob(long data) {
    return NativeMemory.getUnsignedShort(data + NOIOB);
  }

  public static void noiob(long data, int v) {
    NativeMemory.putShort(data + NOIOB, (short) v);
  }

  public static long nvmcap(long data) {
    return Counter128.get(data + NVMCAP);
  }

  public static void nvmcap(long data, long v) {
    Counter128.put(data + NVMCAP, v);
  }

  public static int npwg(long data) {
    return NativeMemory.getUnsignedShort(data + NPWG);
  }

  public static void npwg(long data, int v) {
    NativeMemory.putShort(data + NPWG, (short) v);
  }

  public static int npwa(long data) {
    return NativeMemory.getUnsignedShort(data + NPWA);
  }

  public static void npwa(long data, int v) {
    NativeMemory.putShort(data + NPWA, (short) v);
  }

  public static int npdg(long data) {
    return NativeMemory.getUnsignedShort(data + NPDG);
  }

  public static void npdg(long data, int v) {
    NativeMemory.putShort(data + NPDG, (short) v);
  }

  public static int npda(long data) {
    return NativeMemory.getUnsignedShort(data + NPDA);
  }

  public static void npda(long data, int v) {
    NativeMemory.putShort(data + NPDA, (short) v);
  }

  public static int nows(long data) {
    return NativeMemory.getUnsignedShort(data + NOWS);
  }

  public static void nows(long data, int v) {
    NativeMemory.putShort(data + NOWS, (short) v);
  }

  public static int mssrl(long data) {
    return NativeMemory.getUnsignedShort(data + MSSRL);
  }

  public static void mssrl(long data, int v) {
    NativeMemory.putShort(data + MSSRL, (short) v);
  }

  public static long mcl(long data) {
    return NativeMemory.getUnsignedInt(data + MCL);
  }

  public static void mcl(long data, long v) {
    NativeMemory.putInt(data + MCL, (int) v);
  }

  public static int msrc(long data) {
    return NativeMemory.getUnsignedByte(data + MSRC);
  }

  public static void msrc(long data, int v) {
    NativeMemory.putByte(data + MSRC, (byte) v);
  }

  public static long anagrpid(long data) {
    return NativeMemory.getUnsignedInt(data + ANAGRPID);
  }

  public static void anagrpid(long data, long v) {
    NativeMemory.putInt(data + ANAGRPID, (int) v);
  }

  public static int nsattr(long data) {
    return NativeMemory.getUnsignedByte(data + NSATTR);
  }

  public static void nsattr(long data, int v) {
    NativeMemory.putByte(data + NSATTR, (byte) v);
  }

  public static int nvmsetid(long data) {
    return NativeMemory.getUnsignedShort(data + NVMSETID);
  }

  public static void nvmsetid(long data, int v) {
    NativeMemory.putShort(data + NVMSETID, (short) v);
  }

  public static int endgid(long data) {
    return NativeMemory.getUnsignedShort(data + ENDGID);
  }

  public static void endgid(long data, int v) {
    NativeMemory.putShort(data + ENDGID, (short) v);
  }

  public static UUID nguid(long data) {
    return Uuids.get(data + NGUID);
  }

  public static void nguid(long data, UUID v) {
    Uuids.put(data + NGUID, v);
  }

  public static long eui64(long data) {
    return NativeMemory.getLongBe(data + EUI64);
  }

  public static void eui64(long data, long v) {
    NativeMemory.putLongBe(data + EUI64, v);
  }

  /** Address of the {@link LbaFormat} number {@code index}, 0 to 63. */
  public static long lbaf(long data, int index) {
    return data + LBAF + (long) index * LBAF_SIZE;
  }

  /** Index of the format in use: bits 3:0, and bits 6:5 above them, of FLBAS. */
  public static int formatIndex(long data) {
    int flbas = flbas(data);
    return flbas & 0xf | (flbas >>> 5 & 3) << 4;
  }

  /** Bytes of a logical block in the format in use; 0 when its exponent is not one of 9 to 30. */
  public static int blockSize(long data) {
    int lbads = LbaFormat.lbads(lbaf(data, formatIndex(data)));
    return lbads < 9 || lbads > 30 ? 0 : 1 << lbads;
  }
}
