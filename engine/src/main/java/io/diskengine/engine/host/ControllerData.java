package io.diskengine.engine.host;

import io.diskengine.nvme.IdentifyController;
import io.diskengine.nvme.IdentifyControllerIo;

/**
 * What the host keeps of Identify Controller (NVMe Base 2.0, Figure 275).
 *
 * @param maxTransferBytes of one command; {@link Long#MAX_VALUE} for no limit
 * @param inCapsuleBytes of an I/O command's data that fit its capsule
 */
record ControllerData(
    int cntlid,
    int vid,
    String model,
    String serial,
    String firmware,
    String subnqn,
    int version,
    int cmic,
    int oacs,
    int oncs,
    int oaes,
    int vwc,
    int asyncEvents,
    long maxTransferBytes,
    int inCapsuleBytes,
    int maxCommands) {
  private static final int PAGE_BYTES = 4096;

  static ControllerData read(long data) {
    int mdts = IdentifyController.mdts(data);
    long capsule = IdentifyControllerIo.ioccsz(data) * 16 - 64;
    return new ControllerData(
        IdentifyController.cntlid(data),
        IdentifyController.vid(data),
        IdentifyController.mn(data).strip(),
        IdentifyController.sn(data).strip(),
        IdentifyController.fr(data).strip(),
        IdentifyControllerIo.subnqn(data),
        IdentifyController.ver(data),
        IdentifyController.cmic(data),
        IdentifyController.oacs(data),
        IdentifyControllerIo.oncs(data),
        IdentifyController.oaes(data),
        IdentifyControllerIo.vwc(data),
        Math.min(AdminQueue.MOST_ASYNC_EVENTS, IdentifyController.aerl(data) + 1),
        mdts == 0 || mdts > 31 ? Long.MAX_VALUE : (long) PAGE_BYTES << mdts,
        IdentifyControllerIo.icdoff(data) == 0
            ? Math.clamp(capsule, 0, TcpQpair.MOST_IN_CAPSULE_BYTES)
            : 0,
        IdentifyControllerIo.maxcmd(data));
  }

  boolean has(int oncsBit) {
    return (oncs & oncsBit) != 0;
  }

  boolean multiController() {
    return (cmic & IdentifyController.CMIC_MULTI_CONTROLLER) != 0;
  }

  boolean anaReporting() {
    return (cmic & IdentifyController.CMIC_ANA_REPORTING) != 0;
  }

  boolean writeCache() {
    return (vwc & IdentifyControllerIo.VWC_PRESENT) != 0;
  }

  /** "2.0", and the tertiary number where it is not 0. */
  String versionText() {
    int tertiary = version & 0xff;
    String text = (version >>> 16) + "." + (version >>> 8 & 0xff);
    return tertiary == 0 ? text : text + "." + tertiary;
  }
}
