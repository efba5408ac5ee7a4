package io.diskengine.nvme;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.diskengine.nvme.ControllerProperty.Cap;
import io.diskengine.nvme.ControllerProperty.Cc;
import io.diskengine.nvme.ControllerProperty.Csts;
import java.lang.foreign.Arena;
import java.util.HexFormat;
import java.util.UUID;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Whole literal structures, and everything that is computed from fields. */
class StructuresTest {
  private static final UUID ID = UUID.fromString("00112233-4455-6677-8899-aabbccddeeff");

  private final Arena arena = Arena.ofConfined();
  private final long memory = arena.allocate(8192).address();

  @AfterEach
  void free() {
    arena.close();
  }

  private void load(String hex) {
    byte[] bytes = HexFormat.of().parseHex(hex.replace(" ", ""));
    NativeMemory.copy(bytes, 0, memory, bytes.length);
  }

  private void assertHex(String hex, int length) {
    assertArrayEquals(
        HexFormat.of().parseHex(hex.replace(" ", "")), NativeMemory.bytes(memory, length));
  }

  @Test
  void aWriteCapsuleDecodes() {
    load(
        "04 03 48 4c 50020000" // CapsuleCmd, both digests, hlen 72, pdo 76, plen 592
            + "01 40 3412 01000000 0000000000000000 0000000000000000"
            + "0000000000000000 00020000 000000 01"
            + "efcdab8967452301 0000 0040 00000000 00000000 00000000");
    assertEquals(PduHeader.CAPSULE_CMD, PduHeader.type(memory));
    assertEquals(PduCheck.OK, PduCheck.commonHeader(memory, true, 3, 4, 8192));
    assertEquals(512, PduCheck.dataBytes(memory));
    long sqe = memory + CapsuleCmd.SQE;
    assertEquals(NvmOpcode.WRITE, Sqe.opcode(sqe));
    assertEquals(Sqe.PSDT_SGL_MPTR_CONTIGUOUS, Sqe.psdt(sqe));
    assertEquals(0x1234, Sqe.cid(sqe));
    assertEquals(1, Sqe.nsid(sqe));
    assertEquals(Sgl.IN_CAPSULE, Sgl.identifier(sqe + Sqe.SGL1));
    assertEquals(512, Sgl.length(sqe + Sqe.SGL1));
    assertEquals(0x0123456789abcdefL, ReadWriteCommand.slba(sqe));
    assertEquals(1, ReadWriteCommand.lengthBlocks(sqe));
    assertTrue(ReadWriteCommand.fua(sqe));
    assertFalse(ReadWriteCommand.lr(sqe));
  }

  @Test
  void aReadCommandEncodes() {
    NativeMemory.fill(memory, Sqe.SIZE, (byte) 0xee);
    Sqe.init(memory, NvmOpcode.READ, 0xbeef, 7);
    Sgl.transport(memory + Sqe.SGL1, 131072);
    ReadWriteCommand.slba(memory, 0x100);
    ReadWriteCommand.lengthBlocks(memory, 32);
    assertHex(
        "02 40 efbe 07000000 0000000000000000 0000000000000000"
            + "0000000000000000 00000200 000000 5a"
            + "0001000000000000 1f00 0000 00000000 00000000 00000000",
        Sqe.SIZE);
    Sgl.inCapsule(memory + Sqe.SGL1, 16, 4096);
    assertEquals(16, Sgl.address(memory + Sqe.SGL1));
    assertEquals(Sgl.SUBTYPE_OFFSET, Sgl.subtype(memory + Sqe.SGL1));
    assertEquals(Sgl.TYPE_DATA_BLOCK, Sgl.type(memory + Sqe.SGL1));
  }

  @Test
  void aCompletionEncodesItsStatusWithFlagsAndPhaseZero() {
    NativeMemory.fill(memory, Cqe.SIZE, (byte) 0xee);
    Cqe.init(memory, 0x1234, 0x0102, NvmeStatus.UNRECOVERED_READ_ERROR | NvmeStatus.DNR);
    assertHex("0000000000000000 0201 0000 3412 0285", Cqe.SIZE);
    assertEquals(NvmeStatus.UNRECOVERED_READ_ERROR, Cqe.status(memory));
    assertTrue(Cqe.dnr(memory));
    assertFalse(Cqe.more(memory));
    assertFalse(Cqe.phase(memory));
  }

  @Test
  void aConnectionInitialisationDecodes() {
    load("00 00 80 00 80000000 0000 00 03 0f000000");
    assertEquals(PduCheck.OK, PduCheck.commonHeader(memory, true, 0, 4, 8192));
    assertEquals(0, IcReq.pfv(memory));
    assertTrue(IcReq.hdgstEnable(memory));
    assertTrue(IcReq.ddgstEnable(memory));
    assertEquals(15, IcReq.maxr2t(memory));
  }

  @Test
  void logPageLengthsAndOffsetsCoverTheirWholeRange() {
    for (long bytes : new long[] {4, 1024, 262144, 262148, GetLogPageCommand.MAX_LENGTH_BYTES}) {
      GetLogPageCommand.lengthBytes(memory, bytes);
      assertEquals(bytes, GetLogPageCommand.lengthBytes(memory));
    }
    assertEquals(16, GetLogPageCommand.bytesInPage(1024, 1008, 4096));
    assertEquals(0, GetLogPageCommand.bytesInPage(1024, 1024, 4));
    assertEquals(4, GetLogPageCommand.bytesInPage(1024, 0, 4));
    assertEquals(-1, GetLogPageCommand.bytesInPage(1024, 1028, 4));
    assertEquals(-1, GetLogPageCommand.bytesInPage(1024, -4, 4));
  }

  @Test
  void transferLengthsCoverOneTo65536Blocks() {
    ReadWriteCommand.lengthBlocks(memory, 65536);
    assertEquals(65536, ReadWriteCommand.lengthBlocks(memory));
    assertEquals(0xffff, ReadWriteCommand.cdw12(memory));
    ReadWriteCommand.lengthBlocks(memory, 1);
    assertEquals(0, ReadWriteCommand.cdw12(memory));
  }

  @Test
  void identificationDescriptorsAreAListThatCanBeSearched() {
    long at = NamespaceIdDescriptor.putEui64(memory, 0x0102030405060708L);
    at = NamespaceIdDescriptor.put(at, NamespaceIdDescriptor.NGUID, ID);
    at = NamespaceIdDescriptor.put(at, NamespaceIdDescriptor.UUID, ID);
    at = NamespaceIdDescriptor.putCsi(at, 0);
    assertEquals(memory + 12 + 20 + 20 + 5, at);
    assertHex(
        "01080000 0102030405060708 02100000 00112233445566778899aabbccddeeff"
            + "03100000 00112233445566778899aabbccddeeff 04010000 00 00",
        58);
    assertEquals(memory + 32, NamespaceIdDescriptor.find(memory, NamespaceIdDescriptor.UUID));
    assertEquals(memory + 52, NamespaceIdDescriptor.find(memory, NamespaceIdDescriptor.CSI));
    assertEquals(0, NamespaceIdDescriptor.find(memory, 9));
  }

  @Test
  void aHostileDescriptorListIsNotReadPastItsEnd() {
    // 255 + 4 bytes each: the sixteenth would end at 4144.
    for (long at = memory; at < memory + 4096; at += 259) {
      NamespaceIdDescriptor.nidt(at, 1);
      NamespaceIdDescriptor.nidl(at, 255);
    }
    NamespaceIdDescriptor.nidt(memory + 15 * 259L, NamespaceIdDescriptor.UUID);
    assertEquals(0, NamespaceIdDescriptor.find(memory, NamespaceIdDescriptor.UUID));
  }

  @Test
  void theFormatInUseGivesTheBlockSize() {
    IdentifyNamespace.flbas(memory, 0x23); // bits 6:5 = 1, bits 3:0 = 3: format 19
    LbaFormat.lbads(IdentifyNamespace.lbaf(memory, 19), 12);
    assertEquals(12, NativeMemory.getByte(memory + 128 + 19 * 4 + 2));
    assertEquals(19, IdentifyNamespace.formatIndex(memory));
    assertEquals(4096, IdentifyNamespace.blockSize(memory));
    LbaFormat.lbads(IdentifyNamespace.lbaf(memory, 19), 31);
    assertEquals(0, IdentifyNamespace.blockSize(memory));
    LbaFormat.lbads(IdentifyNamespace.lbaf(memory, 19), 0);
    assertEquals(0, IdentifyNamespace.blockSize(memory));
  }

  @Test
  void namespaceListsEndAtTheFirstZero() {
    NamespaceList.nsid(memory, 0, 1);
    NamespaceList.nsid(memory, 1, 0x01020304);
    assertHex("01000000 04030201 00000000", 12);
    assertEquals(2, NamespaceList.entries(memory));
    NativeMemory.fill(memory, NamespaceList.SIZE, (byte) 1);
    assertEquals(1024, NamespaceList.entries(memory));
  }

  @Test
  void listsInsideLogPagesHaveTheirPlaces() {
    HealthLogPage.temperatureSensor(memory, 7, 0x0102);
    assertEquals(0x0102, NativeMemory.getShort(memory + 214));
    assertEquals(0x0102, HealthLogPage.temperatureSensor(memory, 7));
    NativeMemory.zero(memory, 512);
    CommandEffectsLogPage.adminEffects(memory, 0x7f, CommandEffectsLogPage.CSUPP);
    CommandEffectsLogPage.ioEffects(memory, 1, 3);
    assertEquals(1, NativeMemory.getInt(memory + 0x7f * 4));
    assertEquals(3, NativeMemory.getInt(memory + 1024 + 4));
    assertEquals(1, CommandEffectsLogPage.adminEffects(memory, 0x7f));
    assertEquals(3, CommandEffectsLogPage.ioEffects(memory, 1));
    AnaGroupDescriptor.nnsid(memory, 2);
    AnaGroupDescriptor.nsid(memory, 1, 0x55);
    assertEquals(0x55, NativeMemory.getInt(memory + 36));
    assertEquals(0x55, AnaGroupDescriptor.nsid(memory, 1));
    assertEquals(memory + 40, AnaGroupDescriptor.next(memory));
    assertEquals("optimized", AnaGroupDescriptor.text(1));
    assertEquals("inaccessible", AnaGroupDescriptor.text(AnaGroupDescriptor.INACCESSIBLE));
    assertEquals(1024 + 2 * 1024, DiscoveryLogPage.totalBytes(2));
    assertEquals(memory + 2048, DiscoveryLogPage.entry(memory, 1));
  }

  @Test
  void countersBeyond63BitsSaturate() {
    HealthLogPage.mediaErrors(memory, 5);
    assertEquals(5, HealthLogPage.mediaErrors(memory));
    NativeMemory.putByte(memory + HealthLogPage.MEDIA_ERRORS + 8, (byte) 1);
    assertEquals(Long.MAX_VALUE, HealthLogPage.mediaErrors(memory));
    NativeMemory.putLong(memory + HealthLogPage.POWER_CYCLES, -1);
    assertEquals(Long.MAX_VALUE, HealthLogPage.powerCycles(memory));
  }

  @Test
  void textThatFillsItsFieldIsCutAndUnterminatedTextEndsWithIt() {
    IdentifyController.sn(memory, "x".repeat(30));
    assertEquals("x".repeat(20), IdentifyController.sn(memory));
    assertEquals(0, NativeMemory.getByte(memory + 24));
    ConnectData.subnqn(memory, "y".repeat(300));
    assertEquals("y".repeat(255), ConnectData.subnqn(memory));
    NativeMemory.putByte(memory + 511, (byte) 'z');
    NativeMemory.putByte(memory + 512, (byte) 'z');
    assertEquals("y".repeat(255) + "z", ConnectData.subnqn(memory));
  }

  @Test
  void capabilitiesComposeAndDecode() {
    long cap = Cap.of(127, 0x21, Cap.CSS_NVM | Cap.CSS_IOCS);
    assertEquals(0x82021_01007fL, cap);
    assertEquals(127, Cap.mqes(cap));
    assertTrue(Cap.cqr(cap));
    assertEquals(0x21, Cap.to(cap));
    assertEquals(0x41, Cap.css(cap));
    assertFalse(Cap.nssrs(cap));
    // One field at a time, as a C compiler lays out SPDK's spdk_nvme_cap_register.
    assertEquals(2, Cap.ams(0x40000L));
    assertEquals(5, Cap.dstrd(0x5_0000_0000L));
    assertTrue(Cap.nssrs(0x10_0000_0000L));
    assertEquals(0xff, Cap.css(0xff0_0000_0000L << 1));
    assertEquals(3, Cap.mpsmin(0x3000000000000L));
    assertEquals(9, Cap.mpsmax(0x90000000000000L));
  }

  @Test
  void configurationAndStatusDecode() {
    assertEquals(0x460001, Cc.enable(Cc.CSS_NVM));
    assertEquals(0x460061, Cc.enable(Cc.CSS_IOCS));
    assertTrue(Cc.en(1));
    assertFalse(Cc.en(~1));
    assertEquals(5, Cc.css(0x50));
    assertEquals(9, Cc.mps(0x480));
    assertEquals(5, Cc.ams(0x2800));
    assertEquals(Cc.SHN_ABRUPT, Cc.shn(0x8000));
    assertEquals(0x464001, Cc.withShn(0x46c001, Cc.SHN_NORMAL));
    assertEquals(6, Cc.iosqes(0x460001));
    assertEquals(4, Cc.iocqes(0x460001));
    assertTrue(Csts.rdy(1));
    assertTrue(Csts.cfs(2));
    assertEquals(Csts.SHST_COMPLETE, Csts.shst(8));
    assertEquals(9, Csts.withShst(5, Csts.SHST_COMPLETE));
    assertEquals(0x010400, ControllerProperty.version(1, 4, 0));
    assertTrue(ControllerProperty.isEightBytes(ControllerProperty.CAP));
    assertFalse(ControllerProperty.isEightBytes(ControllerProperty.CC));
  }

  @Test
  void asynchronousEventsComposeAndDecode() {
    int dw0 = AsyncEvent.of(AsyncEvent.TYPE_NOTICE, AsyncEvent.NOTICE_DISCOVERY_LOG_CHANGE, 0x70);
    assertEquals(0x70f002, dw0);
    assertEquals(AsyncEvent.TYPE_NOTICE, AsyncEvent.type(dw0));
    assertEquals(0xf0, AsyncEvent.information(dw0));
    assertEquals(GetLogPageCommand.DISCOVERY, AsyncEvent.logPage(dw0));
  }

  @Test
  void numbersOfQueuesAreZeroBasedOnTheWire() {
    assertEquals(0x00070003, NumberOfQueues.of(4, 8));
    assertEquals(4, NumberOfQueues.submissionQueues(0x00070003));
    assertEquals(8, NumberOfQueues.completionQueues(0x00070003));
    assertEquals(65535, NumberOfQueues.completionQueues(0xfffe0000));
    assertTrue(NumberOfQueues.isValid(0xfffefffe));
    assertFalse(NumberOfQueues.isValid(0xffff0000));
    assertFalse(NumberOfQueues.isValid(0x0000ffff));
  }

  @Test
  void nguidsAreReadAndWrittenAsSpdkPrintsThem() {
    assertEquals("00112233445566778899AABBCCDDEEFF", Uuids.nguidText(ID));
    assertEquals(ID, Uuids.nguid("00112233445566778899AABBCCDDEEFF"));
    assertThrows(IllegalArgumentException.class, () -> Uuids.nguid("0011"));
  }

  @Test
  void iovecsAddUp() {
    Iovec.set(memory, 0, 0x1000, 512);
    Iovec.set(memory, 1, 0x2000, 4096);
    assertHex("0010000000000000 0002000000000000 0020000000000000 0010000000000000", 32);
    assertEquals(4608, Iovec.totalBytes(memory, 2));
    assertEquals(memory + 16, Iovec.at(memory, 1));
  }
}
