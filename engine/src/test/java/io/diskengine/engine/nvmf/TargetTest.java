package io.diskengine.engine.nvmf;

import static org.assertj.core.api.Assertions.assertThat;

import io.diskengine.engine.nvmf.WireClient.Answer;
import io.diskengine.engine.reactor.Kernels;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** A host connects, looks around, reads and writes; on both kernels. */
class TargetTest {
  private static final String NQN = TargetFixture.NQN;
  private static final String HOST = TargetFixture.HOST;

  private static byte[] random(int bytes, long seed) {
    byte[] data = new byte[bytes];
    new Random(seed).nextBytes(data);
    return data;
  }

  @ParameterizedTest
  @EnumSource(names = {"IO_URING", "EPOLL"})
  void connectsIdentifiesReadsAndWrites(Kernels.Choice kernel) throws Exception {
    try (TargetFixture fixture = new TargetFixture(kernel)) {
      InetSocketAddress address = fixture.address(fixture.export());
      try (WireClient admin = WireClient.admin(address, NQN, HOST);
          WireClient io = admin.queue(address, NQN, HOST, 1, 127)) {
        assertThat(admin.propertyGet(0x1c, false).result()).isEqualTo(1);
        Answer controller = admin.identify(1, 0);
        assertThat(new String(controller.data(), 4, 20, StandardCharsets.US_ASCII).strip())
            .isEqualTo("SN0");
        Answer namespaces = admin.identify(2, 0);
        assertThat(ByteBuffer.wrap(namespaces.data()).getInt(0)).isEqualTo(0x0100_0000);
        byte[] small = random(4096, 1);
        assertThat(io.writeInCapsule(8, small)).isZero();
        assertThat(io.read(8, 8)).isEqualTo(small);
        byte[] large = random(128 << 10, 2);
        assertThat(io.writeByR2t(100, large, 50_000).status()).isZero();
        assertThat(io.read(100, 256)).isEqualTo(large);
        assertThat(io.call(io.sqe(0, 1)).status()).isZero();
      }
    }
  }

  @ParameterizedTest
  @EnumSource(names = {"IO_URING", "EPOLL"})
  void digestsCoverHeadersAndData(Kernels.Choice kernel) throws Exception {
    try (TargetFixture fixture = new TargetFixture(kernel)) {
      InetSocketAddress address = fixture.address(fixture.export());
      for (int digests = 1; digests <= 3; digests++) {
        boolean header = (digests & 1) != 0;
        boolean data = (digests & 2) != 0;
        try (WireClient admin = WireClient.admin(address, NQN, HOST, header, data);
            WireClient io = admin.queue(address, NQN, HOST, 1, 31)) {
          assertThat(io.headerDigest).isEqualTo(header);
          assertThat(io.dataDigest).isEqualTo(data);
          byte[] bytes = random(4096, digests);
          assertThat(io.writeInCapsule(0, bytes)).isZero();
          assertThat(io.read(0, 8)).isEqualTo(bytes);
          byte[] large = random(64 << 10, digests);
          assertThat(io.writeByR2t(512, large, 10_000).status()).isZero();
          assertThat(io.read(512, 128)).isEqualTo(large);
        }
      }
    }
  }
}
