package io.diskengine.nvme;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.InputStream;
import java.lang.reflect.Field;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

/** Status codes, opcodes and their texts against the table in {@code codes.txt}. */
class CodesTest {
  private record Code(String kind, int value, String text) {}

  @Test
  void everyCodeHasSpdksText() throws Exception {
    List<Code> codes = codes();
    assertTrue(codes.size() > 150, "codes: " + codes.size());
    for (Code code : codes) {
      String text =
          switch (code.kind) {
            case "status" -> NvmeStatus.text(code.value);
            case "fabric" -> NvmeStatus.fabricText(code.value);
            case "admin" -> AdminOpcode.text(code.value);
            case "nvm" -> NvmOpcode.text(code.value);
            default -> throw new AssertionError(code);
          };
      assertEquals(code.text, text);
    }
  }

  /** A constant that is named like its text has its code; so a swapped pair cannot hide. */
  @Test
  void constantsCarryTheCodesOfTheTable() throws Exception {
    Map<String, Integer> byName = new TreeMap<>();
    for (Field field : NvmeStatus.class.getFields()) {
      byName.put(field.getName(), field.getInt(null));
    }
    Set<Integer> constants = new TreeSet<>(byName.values());
    int named = 0;
    for (Code code : codes()) {
      if (!code.kind.equals("status") && !code.kind.equals("fabric")) {
        continue;
      }
      assertTrue(constants.contains(code.value), () -> "no constant for " + code);
      String name =
          (code.kind.equals("fabric") ? "FABRIC_" : "")
              + code.text.replace(" - ", "_").replace('-', '_').replace(' ', '_');
      Integer value = byName.get(name);
      if (value != null) {
        assertEquals(code.value, value, name);
        named++;
      }
    }
    assertTrue(named > 90, "named: " + named);
  }

  @Test
  void unknownCodesAreValuesWithTheTextOfTheirType() {
    assertEquals("GENERIC", NvmeStatus.text(0x07f));
    assertEquals("COMMAND SPECIFIC", NvmeStatus.text(0x1fe));
    assertEquals("MEDIA ERROR", NvmeStatus.text(0x201));
    assertEquals("PATH ERROR", NvmeStatus.text(0x3ff));
    assertEquals("RESERVED", NvmeStatus.text(0x400));
    assertEquals("VENDOR SPECIFIC", NvmeStatus.text(0x712));
    assertEquals("FABRIC COMMAND SPECIFIC", NvmeStatus.fabricText(0x1ff));
    assertEquals("INVALID FIELD", NvmeStatus.fabricText(NvmeStatus.INVALID_FIELD));
    assertEquals("ADMIN COMMAND", AdminOpcode.text(0xff));
    assertEquals("FABRIC", AdminOpcode.text(AdminOpcode.FABRIC));
    assertEquals("IO COMMAND", NvmOpcode.text(0xff));
    assertEquals("CONNECT", FabricsCommandType.text(1));
    assertEquals("RESERVED / VENDOR SPECIFIC", FabricsCommandType.text(2));
    assertEquals(0x7f, AdminOpcode.FABRIC);
  }

  @Test
  void statusIsSplitAndJoinedAroundItsFlags() {
    int status = NvmeStatus.LBA_OUT_OF_RANGE | NvmeStatus.DNR | NvmeStatus.MORE;
    assertEquals(0x080, NvmeStatus.code(status));
    assertEquals("LBA OUT OF RANGE (00/80)", NvmeStatus.describe(status));
    assertEquals(0x281, NvmeStatus.of(2, 0x81));
    assertEquals(2, NvmeStatus.sct(0x281 | NvmeStatus.DNR));
    assertEquals(0x81, NvmeStatus.sc(0x281 | NvmeStatus.MORE));
    assertTrue(NvmeStatus.isSuccess(NvmeStatus.MORE));
    assertFalse(NvmeStatus.isSuccess(NvmeStatus.COMPLETION_QUEUE_INVALID));
  }

  @Test
  void pathErrorsAndRetriesAreClassified() {
    assertTrue(NvmeStatus.isPathError(NvmeStatus.HOST_PATH_ERROR | NvmeStatus.DNR));
    assertFalse(NvmeStatus.isPathError(NvmeStatus.UNRECOVERED_READ_ERROR));
    assertTrue(NvmeStatus.isAnaError(NvmeStatus.ASYMMETRIC_ACCESS_INACCESSIBLE));
    assertFalse(NvmeStatus.isAnaError(NvmeStatus.ABORTED_BY_HOST));
    assertTrue(NvmeStatus.isRetryable(NvmeStatus.NAMESPACE_NOT_READY));
    assertTrue(NvmeStatus.isRetryable(NvmeStatus.INTERNAL_PATH_ERROR));
    assertFalse(NvmeStatus.isRetryable(NvmeStatus.NAMESPACE_NOT_READY | NvmeStatus.DNR));
    assertFalse(NvmeStatus.isRetryable(NvmeStatus.LBA_OUT_OF_RANGE));
    assertFalse(NvmeStatus.isRetryable(NvmeStatus.SUCCESS));
  }

  @Test
  void opcodesSayWhichWayDataMoves() {
    assertEquals(AdminOpcode.TRANSFER_NONE, AdminOpcode.transfer(NvmOpcode.FLUSH));
    assertEquals(AdminOpcode.TRANSFER_HOST_TO_CONTROLLER, AdminOpcode.transfer(NvmOpcode.WRITE));
    assertEquals(AdminOpcode.TRANSFER_CONTROLLER_TO_HOST, AdminOpcode.transfer(NvmOpcode.READ));
    assertEquals(
        AdminOpcode.TRANSFER_CONTROLLER_TO_HOST, AdminOpcode.transfer(AdminOpcode.IDENTIFY));
  }

  private static List<Code> codes() throws Exception {
    List<Code> codes = new ArrayList<>();
    try (InputStream in = CodesTest.class.getResourceAsStream("codes.txt")) {
      byte[] all = Objects.requireNonNull(in).readAllBytes();
      for (String line : new String(all, StandardCharsets.UTF_8).lines().toList()) {
        if (!line.startsWith("#")) {
          String[] words = line.split(" ", 3);
          codes.add(new Code(words[0], Integer.parseInt(words[1], 16), words[2]));
        }
      }
    }
    return codes;
  }
}
