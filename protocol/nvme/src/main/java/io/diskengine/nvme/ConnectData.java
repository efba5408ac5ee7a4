package io.diskengine.nvme;

import java.util.UUID;

/** Data of Connect (NVMe-oF 1.1, Figure 20). */
public final class ConnectData {
  public static final int SIZE = 1024;

  /** The controller is allocated by the subsystem. */
  public static final int CNTLID_DYNAMIC = 0xffff;

  /** Any controller of the static model. */
  public static final int CNTLID_STATIC_ANY = 0xfffe;

  /** Host identifier. */
  public static final int HOSTID = 0;

  /** Controller identifier: FFFFh for the admin queue (dynamic model). */
  public static final int CNTLID = 16;

  /** NVM subsystem that is connected to. */
  public static final int SUBNQN = 256;

  public static final int SUBNQN_SIZE = 256;

  /** The host. */
  public static final int HOSTNQN = 512;

  public static final int HOSTNQN_SIZE = 256;

  private ConnectData() {}

  public static UUID hostid(long data) {
    return Uuids.get(data + HOSTID);
  }

  public static void hostid(long data, UUID v) {
    Uuids.put(data + HOSTID, v);
  }

  public static int cntlid(long data) {
    return NativeMemory.getUnsignedShort(data + CNTLID);
  }

  public static void cntlid(long data, int v) {
    NativeMemory.putShort(data + CNTLID, (short) v);
  }

  public static String subnqn(long data) {
    return Text.terminated(data + SUBNQN, SUBNQN_SIZE);
  }

  public static void subnqn(long data, String v) {
    Text.putTerminated(data + SUBNQN, SUBNQN_SIZE, v);
  }

  public static String hostnqn(long data) {
    return Text.terminated(data + HOSTNQN, HOSTNQN_SIZE);
  }

  public static void hostnqn(long data, String v) {
    Text.putTerminated(data + HOSTNQN, HOSTNQN_SIZE, v);
  }
}
