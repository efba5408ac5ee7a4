package io.diskengine.agent;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.ServerSocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class VhostSocketsTest {
  @TempDir Path dir;

  @Test
  void socketOfSpdkIsOpenedToItsGroupAndClosedToOthers() throws Exception {
    Path socket = dir.resolve("vhost1_a016d0");
    try (ServerSocketChannel server = ServerSocketChannel.open(StandardProtocolFamily.UNIX)) {
      server.bind(UnixDomainSocketAddress.of(socket));
      Files.setPosixFilePermissions(socket, PosixFilePermissions.fromString("rwxr-xr-x"));
      VhostSockets.allowGroup(socket);
      assertEquals(
          "rw-rw----", PosixFilePermissions.toString(Files.getPosixFilePermissions(socket)));
    }
  }

  @Test
  void socketOfAnotherMachineIsLeftToIt() {
    Path elsewhere = dir.resolve("elsewhere");
    VhostSockets.allowGroup(elsewhere);
    assertFalse(Files.exists(elsewhere));
  }
}
