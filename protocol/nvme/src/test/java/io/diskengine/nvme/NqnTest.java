package io.diskengine.nvme;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class NqnTest {
  private static final String UUID = "nqn.2014-08.org.nvmexpress:uuid:";

  @ParameterizedTest
  @ValueSource(
      strings = {
        "nqn.2014-08.org.nvmexpress.discovery",
        "nqn.2014-08.org.nvmexpress:uuid:11111111-2222-3333-4444-5555555555Fa",
        "nqn.2016-06.io.spdk:cnode1",
        "nqn.2026-11.io.diskengine:c:v1-abcdef_r0_g1",
        "nqn.2016-06.io.sp-dk:caf\u00e9",
        "nqn.2016-06.io.spdk:a:b:c",
        "nqn.2016-06.:x", // SPDK accepts an empty domain,
        "nqn.2016-06.io.:x", // and a trailing dot.
      })
  void acceptsWhatSpdkAccepts(String nqn) {
    assertEquals(Optional.empty(), Nqn.invalidReason(nqn));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "nqn.2016-0|length 10 < min 11",
        "nqm.2016-06.io.spdk:cnode1|NQN must begin",
        "NQN.2016-06.io.spdk:cnode1|NQN must begin",
        "nqn.201-06.io.spdk:cnode1|date code",
        "nqn.2016-6.io.spdk:cnode1|date code",
        "nqn.2016_06.io.spdk:cnode1|date code",
        "nqn.2016-06-io.spdk:cnode1|date code",
        "nqn.2016-06.io.spdk|user specified name",
        "nqn.2016-06.io.spdk:|user specified name",
        "nqn.2016-06.io.3pdk:x|must start with a letter",
        "nqn.2016-06..spdk:x|must start with a letter",
        "nqn.2016-06.io.spdk-:x|must end with an alphanumeric",
        "nqn.2016-06.io-.spdk:x|must end with an alphanumeric",
        "nqn.2016-06.io.sp_dk:x|must contain only",
        "nqn.2016-06.io.sp\u00e9dk:x|must contain only",
        "nqn.2014-08.org.nvmexpress:uuid:11111111-2222-3333-4444-55555555555|uuid",
        "nqn.2014-08.org.nvmexpress:uuid:11111111-2222-3333-4444-55555555555g|uuid",
        "nqn.2014-08.org.nvmexpress:uuid:11111111222233334444555555555555|uuid",
      })
  void refusesWithAReason(String nqn, String reason) {
    String actual = Nqn.invalidReason(nqn).orElse("accepted");
    assertTrue(actual.contains(reason), actual);
    assertTrue(actual.contains(nqn), actual);
    assertFalse(Nqn.isValid(nqn));
  }

  @Test
  void lengthIsCountedInBytesOfUtf8() {
    String prefix = "nqn.2016-06.io.spdk:";
    assertTrue(Nqn.isValid(prefix + "x".repeat(Nqn.MAX_BYTES - prefix.length())));
    assertFalse(Nqn.isValid(prefix + "x".repeat(Nqn.MAX_BYTES - prefix.length() + 1)));
    assertFalse(Nqn.isValid(prefix + "\u00e9".repeat(Nqn.MAX_BYTES - prefix.length() - 1)));
  }

  @Test
  void labelsHaveAtMost63Characters() {
    assertTrue(Nqn.isValid("nqn.2016-06.a" + "b".repeat(62) + ".c:x"));
    assertFalse(Nqn.isValid("nqn.2016-06.a" + "b".repeat(63) + ".c:x"));
  }

  @Test
  void textThatIsNotUnicodeIsRefused() {
    assertFalse(Nqn.isValid("nqn.2016-06.io.spdk:\ud800"));
    assertFalse(Nqn.isValid("nqn.2016-06.io.spdk:a\0b"));
  }

  @Test
  void discoveryIsRecognised() {
    assertTrue(Nqn.isDiscovery(Nqn.DISCOVERY));
    assertFalse(Nqn.isDiscovery(UUID + "11111111-2222-3333-4444-555555555555"));
  }
}
