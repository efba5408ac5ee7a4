package io.diskengine.agent;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFileAttributeView;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Who may connect to a vhost socket: QEMU, by its group, and nobody else. The engine makes its
 * sockets so; those of {@code spdk_tgt} have what its umask leaves, which keeps QEMU out unless it
 * runs as the same user.
 */
final class VhostSockets {
  private static final Logger LOG = LoggerFactory.getLogger(VhostSockets.class);
  private static final String GROUP = "kvm";
  private static final Set<PosixFilePermission> MODE = PosixFilePermissions.fromString("rw-rw----");

  private VhostSockets() {}

  /** Lets the group in, if the socket is on this machine and does not do so already. */
  static void allowGroup(Path socket) {
    try {
      if (!Files.exists(socket, LinkOption.NOFOLLOW_LINKS)
          || Files.getPosixFilePermissions(socket, LinkOption.NOFOLLOW_LINKS).equals(MODE)) {
        return;
      }
      // The mode last: it tells that all is done.
      setGroup(socket);
      Files.setPosixFilePermissions(socket, MODE);
    } catch (IOException e) {
      LOG.warn("vhost socket {} keeps its permissions: {}", socket, e.toString());
    }
  }

  private static void setGroup(Path socket) {
    try {
      Files.getFileAttributeView(socket, PosixFileAttributeView.class)
          .setGroup(
              socket
                  .getFileSystem()
                  .getUserPrincipalLookupService()
                  .lookupPrincipalByGroupName(GROUP));
    } catch (IOException e) {
      LOG.info("vhost socket {} is not given to group {}: {}", socket, GROUP, e.toString());
    }
  }
}
