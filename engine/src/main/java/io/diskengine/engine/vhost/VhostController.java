package io.diskengine.engine.vhost;

import io.diskengine.engine.bdev.Bdev;
import io.diskengine.engine.bdev.BdevDesc;
import io.diskengine.engine.bdev.BdevEvents;
import io.diskengine.engine.bdev.BdevException;
import io.diskengine.engine.bdev.BdevLayer;
import io.diskengine.engine.bdev.Done;
import io.diskengine.engine.linux.FileCalls;
import io.diskengine.engine.linux.SocketCalls;
import io.diskengine.engine.linux.SocketName;
import io.diskengine.engine.reactor.Reactor;
import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFileAttributeView;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One vhost-user-blk socket and the device behind it. Home reactor, except what sessions ask about
 * the device. One frontend at a time: the next one is accepted when the previous session is over.
 */
public final class VhostController implements BdevEvents {
  private static final Logger LOG = LoggerFactory.getLogger(VhostController.class);
  private static final String GROUP = "kvm";

  private final String name;
  private final Path socket;
  private final boolean readOnly;
  private final BdevLayer layer;
  private final BdevDesc desc;
  private final Bdev bdev;
  private final Reactor sessionReactor;
  private final int listenFd;
  private final List<Done> closeWaiters = new ArrayList<>();
  private volatile boolean deviceUsable = true;
  private boolean descClosed;
  private boolean closing;
  private boolean acceptPending;
  private @Nullable VhostSession session;

  private VhostController(
      String name,
      Path socket,
      boolean readOnly,
      BdevLayer layer,
      Bdev bdev,
      Reactor sessionReactor,
      int listenFd)
      throws BdevException {
    this.name = name;
    this.socket = socket;
    this.readOnly = readOnly;
    this.layer = layer;
    this.bdev = bdev;
    this.sessionReactor = sessionReactor;
    this.listenFd = listenFd;
    this.desc = layer.open(bdev, !readOnly, this);
  }

  static VhostController open(
      String name, Path socket, boolean readOnly, BdevLayer layer, Bdev bdev, Reactor reactor)
      throws BdevException {
    int listenFd = listen(socket);
    try {
      VhostController controller =
          new VhostController(name, socket, readOnly, layer, bdev, reactor, listenFd);
      controller.accept();
      return controller;
    } catch (BdevException e) {
      FileCalls.close(listenFd);
      throw e;
    }
  }

  /** A socket of mode 0660 and group kvm, so that QEMU and nobody else may connect. */
  private static int listen(Path socket) throws BdevException {
    // Made under another name and moved, so that nobody ever sees it with other permissions.
    Path bound = socket.resolveSibling("." + socket.getFileName());
    int bytes = bound.toString().getBytes(StandardCharsets.UTF_8).length;
    if (bytes > SocketName.UNIX_PATH_MAX_BYTES) {
      throw new BdevException(
          BdevException.EINVAL, "the socket path " + socket + " is longer than 106 bytes");
    }
    int fd =
        SocketCalls.socket(
            SocketCalls.AF_UNIX,
            SocketCalls.SOCK_STREAM | SocketCalls.SOCK_NONBLOCK | SocketCalls.SOCK_CLOEXEC);
    try {
      Files.deleteIfExists(bound);
      int result = SocketCalls.bind(fd, UnixDomainSocketAddress.of(bound));
      if (result < 0) {
        throw new BdevException(result, "cannot make the socket " + socket);
      }
      allowGroup(bound);
      SocketCalls.listen(fd, 8);
      Files.move(
          bound, socket, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
      return fd;
    } catch (IOException e) {
      FileCalls.close(fd);
      throw new BdevException(BdevException.EIO, "cannot make the socket " + socket + ": " + e);
    } catch (BdevException e) {
      FileCalls.close(fd);
      throw e;
    }
  }

  private static void allowGroup(Path path) throws IOException {
    Files.setPosixFilePermissions(path, PosixFilePermissions.fromString("rw-rw----"));
    try {
      Files.getFileAttributeView(path, PosixFileAttributeView.class)
          .setGroup(
              path.getFileSystem()
                  .getUserPrincipalLookupService()
                  .lookupPrincipalByGroupName(GROUP));
    } catch (IOException e) {
      LOG.atInfo()
          .addKeyValue("path", path)
          .log("the socket keeps our own group: it cannot be given to group " + GROUP);
    }
  }

  public String name() {
    return name;
  }

  public Path socket() {
    return socket;
  }

  public boolean readOnly() {
    return readOnly;
  }

  /** The device's name, or null when it was removed under the controller. */
  public @Nullable String bdevName() {
    return deviceUsable ? bdev.name() : null;
  }

  public int reactorIndex() {
    return sessionReactor.index();
  }

  public boolean connected() {
    return session != null;
  }

  // ---- what sessions ask, on their reactor

  long features() {
    return VirtioBlk.features(bdev, readOnly);
  }

  void config(long address) {
    VirtioBlk.config(bdev, address);
  }

  int blockSizeBytes() {
    return bdev.blockSizeBytes();
  }

  boolean deviceUsable() {
    return deviceUsable;
  }

  byte[] deviceId() {
    return Arrays.copyOf(bdev.name().getBytes(StandardCharsets.UTF_8), VirtioBlk.ID_BYTES);
  }

  // ---- frontends come and go

  private void accept() {
    if (!closing && !acceptPending && session == null) {
      acceptPending = true;
      layer.home().accept(listenFd, this::accepted);
    }
  }

  private void accepted(int fd) {
    acceptPending = false;
    if (closing) {
      if (fd >= 0) {
        FileCalls.close(fd);
      }
      finishClosing();
    } else if (fd < 0) {
      LOG.atWarn().addKeyValue("controller", name).log("accept failed with errno {}", -fd);
      accept();
    } else {
      BdevDesc device = descClosed ? null : desc;
      VhostSession[] made = new VhostSession[1];
      BdevLayer.crossTo(
          sessionReactor,
          () -> {
            made[0] = new VhostSession(this, sessionReactor, fd, device);
            made[0].start();
            BdevLayer.crossTo(layer.home(), () -> sessionStarted(made[0]));
          });
    }
  }

  private void sessionStarted(VhostSession started) {
    session = started;
    LOG.atInfo().addKeyValue("controller", name).log("vhost frontend connected");
    if (closing) {
      BdevLayer.crossTo(sessionReactor, () -> started.end("the controller is closed"));
    } else if (!deviceUsable) {
      detachFrom(started);
    }
  }

  /** Called on the session's reactor. */
  void sessionEnded(VhostSession ended) {
    BdevLayer.crossTo(
        layer.home(),
        () -> {
          if (session == ended) {
            session = null;
          }
          if (closing) {
            finishClosing();
          } else {
            accept();
          }
        });
  }

  // ---- the device

  @Override
  public void removed(BdevDesc gone) {
    deviceUsable = false;
    if (session == null) {
      closeDesc();
    } else {
      detachFrom(session);
    }
  }

  private void detachFrom(VhostSession from) {
    BdevLayer.crossTo(
        sessionReactor,
        () -> from.detachDevice(() -> BdevLayer.crossTo(layer.home(), this::closeDesc)));
  }

  private void closeDesc() {
    if (!descClosed) {
      descClosed = true;
      desc.close();
    }
  }

  @Override
  public void resized(BdevDesc changed) {
    VhostSession on = session;
    if (on != null) {
      BdevLayer.crossTo(sessionReactor, on::configChanged);
    }
  }

  // ---- the end

  /** Ends the frontend's session, if any, after what it has in flight; then everything closes. */
  void close(Done done) {
    closeWaiters.add(done);
    if (closing) {
      return;
    }
    closing = true;
    if (acceptPending) {
      SocketCalls.shutdown(listenFd, SocketCalls.SHUT_RDWR);
    }
    VhostSession on = session;
    if (on != null) {
      BdevLayer.crossTo(sessionReactor, () -> on.end("the controller is closed"));
    } else {
      finishClosing();
    }
  }

  private void finishClosing() {
    if (session == null && !acceptPending) {
      FileCalls.close(listenFd);
      FileCalls.unlink(socket.toString());
      closeDesc();
      List<Done> waiters = List.copyOf(closeWaiters);
      closeWaiters.clear();
      waiters.forEach(w -> w.done(0));
    }
  }
}
