package io.diskengine.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

final class InputsTest {
  @ParameterizedTest
  @CsvSource({
    "4MiB, 4194304",
    "4096KiB, 4194304",
    "1GiB, 1073741824",
    "1TiB, 1099511627776",
    "64TiB, 70368744177664",
    "4194304, 4194304",
    "8388608B, 8388608"
  })
  void sizeTextIsBytes(String text, long bytes) {
    assertThat(Sizes.parseVolumeSize(text)).isEqualTo(bytes);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "0",
        "-1GiB",
        "1",
        "1MiB",
        "5MiB",
        "65TiB",
        "1.5GiB",
        "1GB",
        "1gib",
        "1 GiB",
        "GiB",
        "99999999999999999999",
        "9223372036854775807",
        "9223372036854775807TiB",
        "0x10MiB",
        "١GiB"
      })
  void absurdSizeIsRefusedWithValueAndRule(String text) {
    assertThatThrownBy(() -> Sizes.parseVolumeSize(text))
        .isInstanceOf(InvalidInput.class)
        .hasMessage("size \"" + text + "\": " + Sizes.RULE);
  }

  @ParameterizedTest
  @CsvSource({"0, 0B", "1, 1B", "1024, 1KiB", "1073741824, 1GiB", "1076887552, 1027MiB"})
  void sizesArePrintedExactly(long bytes, String text) {
    assertThat(Sizes.text(bytes)).isEqualTo(text);
  }

  @Test
  void legAndGuestBytesFollowFromTheSize() {
    assertThat(Sizes.legBytes(Sizes.GIB)).isEqualTo(1028 * Sizes.MIB);
    assertThat(Sizes.guestBytes(Sizes.GIB)).isEqualTo(1027 * Sizes.MIB);
  }

  @ParameterizedTest
  @ValueSource(strings = {"a", "db-1", "0.x_y", "v1"})
  void goodNamesAreTaken(String name) {
    assertThat(Inputs.volumeName(name)).isEqualTo(name);
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "-a", ".", "A", "a b", "a/b", "ä", "a\n", "x'; DROP TABLE volume"})
  void badNamesAreRefused(String name) {
    assertThatThrownBy(() -> Inputs.volumeName(name))
        .isInstanceOf(InvalidInput.class)
        .hasMessageEndingWith(Inputs.VOLUME_NAME_RULE)
        .message()
        .doesNotContain("\n");
  }

  @Test
  void longValuesAreShownShort() {
    assertThatThrownBy(() -> Inputs.volumeName("x".repeat(100_000)))
        .message()
        .hasSizeLessThan(300)
        .contains("xxx...");
  }

  @Test
  void replicasAreOneToThree() {
    assertThat(Inputs.replicas(3)).isEqualTo(3);
    assertThatThrownBy(() -> Inputs.replicas(0)).hasMessage("replicas \"0\": must be from 1 to 3");
    assertThatThrownBy(() -> Inputs.replicas(4)).isInstanceOf(InvalidInput.class);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "tcp:127.0.0.1:4420",
        "rdma:10.0.0.255:1",
        "tcp:[::1]:65535",
        "tcp:[fe80::1]:4420"
      })
  void fabricAddressRoundTrips(String text) {
    assertThat(FabricAddress.parse(text)).hasToString(text);
  }

  @Test
  void fabricAddressKnowsItsFamily() {
    assertThat(FabricAddress.parse("tcp:[::1]:1").addressFamily()).isEqualTo("IPv6");
    assertThat(FabricAddress.parse("tcp:127.0.0.1:1").addressFamily()).isEqualTo("IPv4");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "tcp",
        "tcp:host:1",
        "tcp:127.0.0.1",
        "tcp:127.0.0.1:0",
        "tcp:127.0.0.1:65536",
        "udp:127.0.0.1:1",
        "tcp:::1:1",
        "tcp:256.0.0.1:1",
        "tcp:1.2.3:1",
        "tcp:1.2.3.4.5:1"
      })
  void badFabricAddressIsRefused(String text) {
    assertThatThrownBy(() -> FabricAddress.parse(text)).isInstanceOf(InvalidInput.class);
  }

  @Test
  void modeIsAClosedWord() {
    for (NodeMode mode : NodeMode.values()) {
      assertThat(NodeMode.parse(mode.text())).isEqualTo(mode);
    }
    assertThatThrownBy(() -> NodeMode.parse("STORAGE"))
        .hasMessage("mode \"STORAGE\": must be storage-node or baremetal");
  }
}
