package io.diskengine.nvme;

import java.util.UUID;

/**
 * Identify Controller (NVMe Base 2.0, Figure 275), CNS 01h. Text fields are padded with spaces.
 * Fields that only PCIe devices or optional features we lack have are left out; what begins at byte
 * 512 is in {@link IdentifyControllerIo}.
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
}
