package io.diskengine.spdkrpc;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class JsonSplitterTest {
  private static final List<String> VALUES =
      List.of(
          "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":[{\"a\":\"}\\\"]\\\\\"},[],{}]}",
          "[1,[2,[3]]]",
          "\"a\\\\\\\"b{[\"",
          "true",
          "null",
          "false",
          "{}",
          "{\"ä\":\"\\u007d€\"}");

  @Test
  void findsEveryValueAtEverySplitPosition() {
    byte[] stream = String.join("\n", VALUES).getBytes(UTF_8);
    for (int cut = 0; cut <= stream.length; cut++) {
      var splitter = new JsonSplitter(1000);
      var found = new ArrayList<String>();
      feed(splitter, stream, 0, cut, found);
      feed(splitter, stream, cut, stream.length, found);
      assertThat(found).as("cut at %d", cut).isEqualTo(VALUES);
      assertThat(splitter.pendingBytes()).isZero();
    }
  }

  @Test
  void findsEveryValueInRandomChunks() {
    long seed = System.nanoTime();
    var random = new Random(seed);
    var stream = new StringBuilder();
    var expected = new ArrayList<String>();
    for (int i = 0; i < 2000; i++) {
      String value = VALUES.get(random.nextInt(VALUES.size()));
      expected.add(value);
      stream.append(value).append(" \r\n\t".charAt(random.nextInt(4)));
    }
    byte[] bytes = stream.toString().getBytes(UTF_8);
    var splitter = new JsonSplitter(1000);
    var found = new ArrayList<String>();
    for (int at = 0; at < bytes.length; ) {
      int to = Math.min(bytes.length, at + 1 + random.nextInt(300));
      feed(splitter, bytes, at, to, found);
      at = to;
    }
    assertThat(found).as("seed %d", seed).isEqualTo(expected);
  }

  @Test
  void valuesNeedNoSeparator() {
    assertThat(split("{\"a\":1}{\"b\":2}[3]\"x\"true{}"))
        .containsExactly("{\"a\":1}", "{\"b\":2}", "[3]", "\"x\"", "true", "{}");
  }

  @Test
  void numberEndsWhereTheBytesEnd() {
    assertThat(split("5")).containsExactly("5");
    assertThat(split("5 -1.5e3 ")).containsExactly("5", "-1.5e3");
  }

  @Test
  void whatCannotStartAValueIsMalformed() {
    for (String garbage : List.of("hello", "{}garbage", "}", "]", "tru{", "nulx", "\0", "<html>")) {
      assertThatThrownBy(() -> split(garbage))
          .as(garbage)
          .isInstanceOf(MalformedJsonException.class);
    }
  }

  @Test
  void lengthAndDepthAreBounded() {
    assertThat(split("[" + "1".repeat(98) + "]", 100)).hasSize(1);
    assertThatThrownBy(() -> split("[" + "1".repeat(99) + "]", 100))
        .hasMessageContaining("longer than 100 bytes");
    assertThatThrownBy(() -> split("\"" + "x".repeat(200), 100))
        .hasMessageContaining("longer than 100 bytes");
    assertThat(split("[".repeat(64) + "]".repeat(64))).hasSize(1);
    assertThatThrownBy(() -> split("[".repeat(65))).hasMessageContaining("deeper than 64 levels");
  }

  private static List<String> split(String stream) {
    return split(stream, 1000);
  }

  private static List<String> split(String stream, int maxBytes) {
    var found = new ArrayList<String>();
    byte[] bytes = stream.getBytes(UTF_8);
    feed(new JsonSplitter(maxBytes), bytes, 0, bytes.length, found);
    return found;
  }

  private static void feed(
      JsonSplitter splitter, byte[] bytes, int from, int to, List<String> found) {
    splitter.append(ByteBuffer.wrap(bytes, from, to - from));
    for (byte[] value = splitter.next(); value != null; value = splitter.next()) {
      found.add(new String(value, UTF_8));
    }
  }
}
