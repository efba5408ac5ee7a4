package io.diskengine.store;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.SocketTimeoutException;
import org.junit.jupiter.api.Test;

class PromptSocketsTest {
  @Test
  void aLookDoesNotWaitAndAReadDoes() throws Exception {
    byte[] into = new byte[8];
    try (ServerSocket server = new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
        Socket socket = new PromptSockets().createSocket()) {
      socket.connect(server.getLocalSocketAddress());
      try (Socket peer = server.accept()) {
        socket.setSoTimeout(1);
        assertThatThrownBy(() -> socket.getInputStream().read(into))
            .isInstanceOf(SocketTimeoutException.class)
            .satisfies(
                e -> assertThat(e.getStackTrace()).as("it never came to the socket").isEmpty());
        socket.setSoTimeout(20_000);
        peer.getOutputStream().write(new byte[] {1, 2, 3});
        assertThat(socket.getInputStream().read(into)).isEqualTo(3);
        peer.getOutputStream().write(new byte[] {4});
        assertThat(socket.getInputStream().read(into)).isEqualTo(1);
        peer.close();
        assertThat(socket.getInputStream().read(into)).as("the end of the stream").isEqualTo(-1);
      }
    }
  }
}
