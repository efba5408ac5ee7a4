package io.diskengine.nvme;

import java.util.UUID;

/**
 * Identify Controller (NVMe Base 2.0, Figure 275), CNS 01h. Text fields are padded with spaces.
 * Fields that only PCIe devices or optional features we lack have are left out.
 */
public final class IdentifyController {
  public static final int SIZE = 4096;

  public static final int CMIC_MULTI_PORT = 0x01;

  public static final int CMIC_MULTI_CONTROLLER = 0x02;

  public static final int CMIC_ANA_REPORTING = 0x08;

  public static final int OAES_NAMESPACE_ATTRIBUTE = 0x100;

  public static final int OAES_ANA_CHANGE = 0x800;

  public static final int OAES_DISCOVERY_LOG_CHANGE = 0x80000000;

  public static final int CTRATT_HOST_ID_128 = 0x01;

  /** Traffic based keep alive. */
  public static final int CTRATT_TBKAS = 0x40;

  public static final int CNTRLTYPE_IO = 1;

  public static final int CNTRLTYPE_DISCOVERY = 2;

  public static final int CNTRLTYPE_ADMINISTRATIVE = 3;

  public static final int LPA_SMART_PER_NAMESPACE = 0x01;

  public static final int LPA_COMMAND_EFFECTS = 0x02;

  /** Log page offset and 32-bit number of dwords. */
  public static final int LPA_EXTENDED_DATA = 0x04;

  public static final int LPA_TELEMETRY = 0x08;

  public static final int FRMW_SLOT1_READ_ONLY = 0x01;

  public static final int KAS_UNIT_MS = 100;

  public static final int ANACAP_OPTIMIZED = 0x01;

  public static final int ANACAP_NON_OPTIMIZED = 0x02;

  public static final int ANACAP_INACCESSIBLE = 0x04;

  public static final int ANACAP_PERSISTENT_LOSS = 0x08;

  public static final int ANACAP_CHANGE = 0x10;

  public static final int ANACAP_NO_CHANGE_ANAGRPID = 0x40;

  public static final int ANACAP_NON_ZERO_ANAGRPID = 0x80;

  public static final int ONCS_COMPARE = 0x01;

  public static final int ONCS_WRITE_UNCORRECTABLE = 0x02;

  public static final int ONCS_DATASET_MANAGEMENT = 0x04;

  public static final int ONCS_WRITE_ZEROES = 0x08;

  public static final int ONCS_SAVE_SELECT = 0x10;

  public static final int ONCS_RESERVATIONS = 0x20;

  public static final int ONCS_TIMESTAMP = 0x40;

  public static final int ONCS_VERIFY = 0x80;

  public static final int ONCS_COPY = 0x100;

  public static final int FUSES_COMPARE_AND_WRITE = 0x01;

  public static final int VWC_PRESENT = 0x01;

  /** Flush with the broadcast NSID. */
  public static final int VWC_FLUSH_BROADCAST_NOT_SUPPORTED = 0x04;

  public static final int VWC_FLUSH_BROADCAST_SUPPORTED = 0x06;

  public static final int SGLS_SUPPORTED = 0x1;

  public static final int SGLS_SUPPORTED_DWORD_ALIGNED = 0x2;

  public static final int SGLS_KEYED = 0x4;

  public static final int SGLS_BIT_BUCKET = 0x10000;

  public static final int SGLS_METADATA_POINTER = 0x20000;

  public static final int SGLS_OVERSIZED = 0x40000;

  public static final int SGLS_METADATA_ADDRESS = 0x80000;

  /** In-capsule data: the address is an offset. */
  public static final int SGLS_OFFSET = 0x100000;

  /** Transport SGL data blocks. */
  public static final int SGLS_TRANSPORT = 0x200000;

  /** Of {@code fcatt}. */
  public static final int CTRATTR_STATIC_CONTROLLER_MODEL = 0x01;

  public static final int OFCS_DISCONNECT = 0x01;

  /** PCI vendor id. */
  public static final int VID = 0;

  /** PCI subsystem vendor id. */
  public static final int SSVID = 2;

  /** Serial number. */
  public static final int SN = 4;

  public static final int SN_SIZE = 20;

  /** Model number. */
  public static final int MN = 24;

  public static final int MN_SIZE = 40;

  /** Firmware revision. */
  public static final int FR = 64;

  public static final int FR_SIZE = 8;

  /** Recommended arbitration burst. */
  public static final int RAB = 72;

  /** IEEE OUI, 3 bytes. */
  public static final int IEEE = 73;

  /** Multi-path I/O and namespace sharing. */
  public static final int CMIC = 76;

  /** Most data per command: 2^mdts times the least memory page size; 0 is no limit. */
  public static final int MDTS = 77;

  /** Controller identifier. */
  public static final int CNTLID = 78;

  /** Version, as in property VS. */
  public static final int VER = 80;

  /** RTD3 resume latency, microseconds. */
  public static final int RTD3R = 84;

  /** RTD3 entry latency, microseconds. */
  public static final int RTD3E = 88;

  /** Optional asynchronous events supported. */
  public static final int OAES = 92;

  /** Controller attributes. */
  public static final int CTRATT = 96;

  /** Read recovery levels. */
  public static final int RRLS = 100;

  /** Controller type. */
  public static final int CNTRLTYPE = 111;

  /** FRU globally unique identifier. */
  public static final int FGUID = 112;

  /** Command retry delay time, 100 ms units. */
  public static final int CRDT1 = 128;

  public static final int CRDT2 = 130;

  public static final int CRDT3 = 132;

  /** Optional admin commands. */
  public static final int OACS = 256;

  /** Abort command limit, 0's based. */
  public static final int ACL = 258;

  /** Asynchronous event request limit, 0's based. */
  public static final int AERL = 259;

  /** Firmware updates: slots in bits 3:1. */
  public static final int FRMW = 260;

  /** Log page attributes. */
  public static final int LPA = 261;

  /** Error log page entries, 0's based. */
  public static final int ELPE = 262;

  /** Power states, 0's based. */
  public static final int NPSS = 263;

  public static final int AVSCC = 264;

  public static final int APSTA = 265;

  /** Warning composite temperature, kelvins. */
  public static final int WCTEMP = 266;

  /** Critical composite temperature, kelvins. */
  public static final int CCTEMP = 268;

  /** Total NVM capacity, bytes. */
  public static final int TNVMCAP = 280;

  /** Unallocated NVM capacity, bytes. */
  public static final int UNVMCAP = 296;

  /** Granularity of the keep alive timer, 100 ms units; 0 is no keep alive. */
  public static final int KAS = 320;

  /** Sanitize capabilities. */
  public static final int SANICAP = 328;

  /** ANA transition time, seconds. */
  public static final int ANATT = 342;

  /** ANA capabilities. */
  public static final int ANACAP = 343;

  /** Greatest ANA group identifier. */
  public static final int ANAGRPMAX = 344;

  /** Number of ANA group identifiers. */
  public static final int NANAGRPID = 348;

  /** Submission queue entry size: log2 of maximum in bits 7:4, of minimum in bits 3:0. */
  public static final int SQES = 512;

  /** Completion queue entry size, likewise. */
  public static final int CQES = 513;

  /** Most outstanding commands per queue. */
  public static final int MAXCMD = 514;

  /** Number of namespaces. */
  public static final int NN = 516;

  /** Optional NVM commands. */
  public static final int ONCS = 520;

  /** Fused operations. */
  public static final int FUSES = 522;

  /** Format NVM attributes. */
  public static final int FNA = 524;

  /** Volatile write cache. */
  public static final int VWC = 525;

  /** Atomic write unit normal, logical blocks, 0's based. */
  public static final int AWUN = 526;

  /** Atomic write unit power fail, logical blocks, 0's based. */
  public static final int AWUPF = 528;

  public static final int NVSCC = 530;

  /** Namespace write protection. */
  public static final int NWPC = 531;

  /** Atomic compare and write unit, logical blocks, 0's based. */
  public static final int ACWU = 532;

  /** Copy formats. */
  public static final int OCFS = 534;

  /** SGL support. */
  public static final int SGLS = 536;

  /** Most allowed namespaces. */
  public static final int MNAN = 540;

  /** NVM subsystem qualified name. */
  public static final int SUBNQN = 768;

  public static final int SUBNQN_SIZE = 256;

  /** I/O queue command capsule size, 16-byte units. */
  public static final int IOCCSZ = 1792;

  /** I/O queue response capsule size, 16-byte units. */
  public static final int IORCSZ = 1796;

  /** In-capsule data offset, 16-byte units. */
  public static final int ICDOFF = 1800;

  /** Fabrics controller attributes. */
  public static final int FCATT = 1802;

  /** Most SGL data block descriptors in a capsule. */
  public static final int MSDBD = 1803;

  /** Optional fabrics commands. */
  public static final int OFCS = 1804;

  /** Power state descriptors, 32 of 32 bytes. */
  public static final int PSD = 2048;

  private IdentifyController() {}

  public static int vid(long data) {
    return NativeMemory.getUnsignedShort(data + VID);
  }

  public static void vid(long data, int v) {
    NativeMemory.putShort(data + VID, (short) v);
  }

  public static int ssvid(long data) {
    return NativeMemory.getUnsignedShort(data + SSVID);
  }

  public static void ssvid(long data, int v) {
    NativeMemory.putShort(data + SSVID, (short) v);
  }

  public static String sn(long data) {
    return Text.padded(data + SN, SN_SIZE);
  }

  public static void sn(long data, String v) {
    Text.putPadded(data + SN, SN_SIZE, v);
  }

  public static String mn(long data) {
    return Text.padded(data + MN, MN_SIZE);
  }

  public static void mn(long data, String v) {
    Text.putPadded(data + MN, MN_SIZE, v);
  }

  public static String fr(long data) {
    return Text.padded(data + FR, FR_SIZE);
  }

  public static void fr(long data, String v) {
    Text.putPadded(data + FR, FR_SIZE, v);
  }

  public static int rab(long data) {
    return NativeMemory.getUnsignedByte(data + RAB);
  }

  public static void rab(long data, int v) {
    NativeMemory.putByte(data + RAB, (byte) v);
  }

  public static int cmic(long data) {
    return NativeMemory.getUnsignedByte(data + CMIC);
  }

  public static void cmic(long data, int v) {
    NativeMemory.putByte(data + CMIC, (byte) v);
  }

  public static int mdts(long data) {
    return NativeMemory.getUnsignedByte(data + MDTS);
  }

  public static void mdts(long data, int v) {
    NativeMemory.putByte(data + MDTS, (byte) v);
  }

  public static int cntlid(long data) {
    return NativeMemory.getUnsignedShort(data + CNTLID);
  }

  public static void cntlid(long data, int v) {
    NativeMemory.putShort(data + CNTLID, (short) v);
  }

  public static int ver(long data) {
    return NativeMemory.getInt(data + VER);
  }

  public static void ver(long data, int v) {
    NativeMemory.putInt(data + VER, v);
  }

  public static long rtd3r(long data) {
    return NativeMemory.getUnsignedInt(data + RTD3R);
  }

  public static void rtd3r(long data, long v) {
    NativeMemory.putInt(data + RTD3R, (int) v);
  }

  public static long rtd3e(long data) {
    return NativeMemory.getUnsignedInt(data + RTD3E);
  }

  public static void rtd3e(long data, long v) {
    NativeMemory.putInt(data + RTD3E, (int) v);
  }

  public static int oaes(long data) {
    return NativeMemory.getInt(data + OAES);
  }

  public static void oaes(long data, int v) {
    NativeMemory.putInt(data + OAES, v);
  }

  public static int ctratt(long data) {
    return NativeMemory.getInt(data + CTRATT);
  }

  public static void ctratt(long data, int v) {
    NativeMemory.putInt(data + CTRATT, v);
  }

  public static int rrls(long data) {
    return NativeMemory.getUnsignedShort(data + RRLS);
  }

  public static void rrls(long data, int v) {
    NativeMemory.putShort(data + RRLS, (short) v);
  }

  public static int cntrltype(long data) {
    return NativeMemory.getUnsignedByte(data + CNTRLTYPE);
  }

  public static void cntrltype(long data, int v) {
    NativeMemory.putByte(data + CNTRLTYPE, (byte) v);
  }

  public static UUID fguid(long data) {
    return Uuids.get(data + FGUID);
  }

  public static void fguid(long data, UUID v) {
    Uuids.put(data + FGUID, v);
  }

  public static int crdt1(long data) {
    return NativeMemory.getUnsignedShort(data + CRDT1);
  }

  public static void crdt1(long data, int v) {
    NativeMemory.putShort(data + CRDT1, (short) v);
  }

  public static int crdt2(long data) {
    return NativeMemory.getUnsignedShort(data + CRDT2);
  }

  public static void crdt2(long data, int v) {
    NativeMemory.putShort(data + CRDT2, (short) v);
  }

  public static int crdt3(long data) {
    return NativeMemory.getUnsignedShort(data + CRDT3);
  }

  public static void crdt3(long data, int v) {
    NativeMemory.putShort(data + CRDT3, (short) v);
  }

  public static int oacs(long data) {
    return NativeMemory.getUnsignedShort(data + OACS);
  }

  public static void oacs(long data, int v) {
    NativeMemory.putShort(data + OACS, (short) v);
  }

  public static int acl(long data) {
    return NativeMemory.getUnsignedByte(data + ACL);
  }

  public static void acl(long data, int v) {
    NativeMemory.putByte(data + ACL, (byte) v);
  }

  public static int aerl(long data) {
    return NativeMemory.getUnsignedByte(data + AERL);
  }

  public static void aerl(long data, int v) {
    NativeMemory.putByte(data + AERL, (byte) v);
  }

  public static int frmw(long data) {
    return NativeMemory.getUnsignedByte(data + FRMW);
  }

  public static void frmw(long data, int v) {
    NativeMemory.putByte(data + FRMW, (byte) v);
  }

  public static int lpa(long data) {
    return NativeMemory.getUnsignedByte(data + LPA);
  }

  public static void lpa(long data, int v) {
    NativeMemory.putByte(data + LPA, (byte) v);
  }

  public static int elpe(long data) {
    return NativeMemory.getUnsignedByte(data + ELPE);
  }

  public static void elpe(long data, int v) {
    NativeMemory.putByte(data + ELPE, (byte) v);
  }

  public static int npss(long data) {
    return NativeMemory.getUnsignedByte(data + NPSS);
  }

  public static void npss(long data, int v) {
    NativeMemory.putByte(data + NPSS, (byte) v);
  }

  public static int avscc(long data) {
    return NativeMemory.getUnsignedByte(data + AVSCC);
  }

  public static void avscc(long data, int v) {
    NativeMemory.putByte(data + AVSCC, (byte) v);
  }

  public static int apsta(long data) {
    return NativeMemory.getUnsignedByte(data + APSTA);
  }

  public static void apsta(long data, int v) {
    NativeMemory.putByte(data + APSTA, (byte) v);
  }

  public static int wctemp(long data) {
    return NativeMemory.getUnsignedShort(data + WCTEMP);
  }

  public static void wctemp(long data, int v) {
    NativeMemory.putShort(data + WCTEMP, (short) v);
  }

  public static int cctemp(long data) {
    return NativeMemory.getUnsignedShort(data + CCTEMP);
  }

  public static void cctemp(long data, int v) {
    NativeMemory.putShort(data + CCTEMP, (short) v);
  }

  public static long tnvmcap(long data) {
    return Counter128.get(data + TNVMCAP);
  }

  public static void tnvmcap(long data, long v) {
    Counter128.put(data + TNVMCAP, v);
  }

  public static long unvmcap(long data) {
    return Counter128.get(data + UNVMCAP);
  }

  public static void unvmcap(long data, long v) {
    Counter128.put(data + UNVMCAP, v);
  }

  public static int kas(long data) {
    return NativeMemory.getUnsignedShort(data + KAS);
  }

  public static void kas(long data, int v) {
    NativeMemory.putShort(data + KAS, (short) v);
  }

  public static int sanicap(long data) {
    return NativeMemory.getInt(data + SANICAP);
  }

  public static void sanicap(long data, int v) {
    NativeMemory.putInt(data + SANICAP, v);
  }

  public static int anatt(long data) {
    return NativeMemory.getUnsignedByte(data + ANATT);
  }

  public static void anatt(long data, int v) {
    NativeMemory.putByte(data + ANATT, (byte) v);
  }

  public static int anacap(long data) {
    return NativeMemory.getUnsignedByte(data + ANACAP);
  }

  public static void anacap(long data, int v) {
    NativeMemory.putByte(data + ANACAP, (byte) v);
  }

  public static long anagrpmax(long data) {
    return NativeMemory.getUnsignedInt(data + ANAGRPMAX);
  }

  public static void anagrpmax(long data, long v) {
    NativeMemory.putInt(data + ANAGRPMAX, (int) v);
  }

  public static long nanagrpid(long data) {
    return NativeMemory.getUnsignedInt(data + NANAGRPID);
  }

  public static void nanagrpid(long data, long v) {
    NativeMemory.putInt(data + NANAGRPID, (int) v);
  }

  public static int sqes(long data) {
    return NativeMemory.getUnsignedByte(data + SQES);
  }

  public static void sqes(long data, int v) {
    NativeMemory.putByte(data + SQES, (byte) v);
  }

  public static int cqes(long data) {
    return NativeMemory.getUnsignedByte(data + CQES);
  }

  public static void cqes(long data, int v) {
    NativeMemory.putByte(data + CQES, (byte) v);
  }

  public static int maxcmd(long data) {
    return NativeMemory.getUnsignedShort(data + MAXCMD);
  }

  public static void maxcmd(long data, int v) {
    NativeMemory.putShort(data + MAXCMD, (short) v);
  }

  public static long nn(long data) {
    return NativeMemory.getUnsignedInt(data + NN);
  }

  public static void nn(long data, long v) {
    NativeMemory.putInt(data + NN, (int) v);
  }

  public static int oncs(long data) {
    return NativeMemory.getUnsignedShort(data + ONCS);
  }

  public static void oncs(long data, int v) {
    NativeMemory.putShort(data + ONCS, (short) v);
  }

  public static int fuses(long data) {
    return NativeMemory.getUnsignedShort(data + FUSES);
  }

  public static void fuses(long data, int v) {
    NativeMemory.putShort(data + FUSES, (short) v);
  }

  public static int fna(long data) {
    return NativeMemory.getUnsignedByte(data + FNA);
  }

  public static void fna(long data, int v) {
    NativeMemory.putByte(data + FNA, (byte) v);
  }

  public static int vwc(long data) {
    return NativeMemory.getUnsignedByte(data + VWC);
  }

  public static void vwc(long data, int v) {
    NativeMemory.putByte(data + VWC, (byte) v);
  }

  public static int awun(long data) {
    return NativeMemory.getUnsignedShort(data + AWUN);
  }

  public static void awun(long data, int v) {
    NativeMemory.putShort(data + AWUN, (short) v);
  }

  public static int awupf(long data) {
    return NativeMemory.getUnsignedShort(data + AWUPF);
  }

  public static void awupf(long data, int v) {
    NativeMemory.putShort(data + AWUPF, (short) v);
  }

  public static int nvscc(long data) {
    return NativeMemory.getUnsignedByte(data + NVSCC);
  }

  public static void nvscc(long data, int v) {
    NativeMemory.putByte(data + NVSCC, (byte) v);
  }

  public static int nwpc(long data) {
    return NativeMemory.getUnsignedByte(data + NWPC);
  }

  public static void nwpc(long data, int v) {
    NativeMemory.putByte(data + NWPC, (byte) v);
  }

  public static int acwu(long data) {
    return NativeMemory.getUnsignedShort(data + ACWU);
  }

  public static void acwu(long data, int v) {
    NativeMemory.putShort(data + ACWU, (short) v);
  }

  public static int ocfs(long data) {
    return NativeMemory.getUnsignedShort(data + OCFS);
  }

  public static void ocfs(long data, int v) {
    NativeMemory.putShort(data + OCFS, (short) v);
  }

  public static int sgls(long data) {
    return NativeMemory.getInt(data + SGLS);
  }

  public static void sgls(long data, int v) {
    NativeMemory.putInt(data + SGLS, v);
  }

  public static long mnan(long data) {
    return NativeMemory.getUnsignedInt(data + MNAN);
  }

  public static void mnan(long data, long v) {
    NativeMemory.putInt(data + MNAN, (int) v);
  }

  public static String subnqn(long data) {
    return Text.terminated(data + SUBNQN, SUBNQN_SIZE);
  }

  public static void subnqn(long data, String v) {
    Text.putTerminated(data + SUBNQN, SUBNQN_SIZE, v);
  }

  public static long ioccsz(long data) {
    return NativeMemory.getUnsignedInt(data + IOCCSZ);
  }

  public static void ioccsz(long data, long v) {
    NativeMemory.putInt(data + IOCCSZ, (int) v);
  }

  public static long iorcsz(long data) {
    return NativeMemory.getUnsignedInt(data + IORCSZ);
  }

  public static void iorcsz(long data, long v) {
    NativeMemory.putInt(data + IORCSZ, (int) v);
  }

  public static int icdoff(long data) {
    return NativeMemory.getUnsignedShort(data + ICDOFF);
  }

  public static void icdoff(long data, int v) {
    NativeMemory.putShort(data + ICDOFF, (short) v);
  }

  public static int fcatt(long data) {
    return NativeMemory.getUnsignedByte(data + FCATT);
  }

  public static void fcatt(long data, int v) {
    NativeMemory.putByte(data + FCATT, (byte) v);
  }

  public static int msdbd(long data) {
    return NativeMemory.getUnsignedByte(data + MSDBD);
  }

  public static void msdbd(long data, int v) {
    NativeMemory.putByte(data + MSDBD, (byte) v);
  }

  public static int ofcs(long data) {
    return NativeMemory.getUnsignedShort(data + OFCS);
  }

  public static void ofcs(long data, int v) {
    NativeMemory.putShort(data + OFCS, (short) v);
  }
}
