package io.diskengine.api;

import static io.javalin.http.HandlerType.DELETE;
import static io.javalin.http.HandlerType.GET;
import static io.javalin.http.HandlerType.POST;
import static io.javalin.http.HandlerType.PUT;

import io.diskengine.api.Views.AttachmentState;
import io.diskengine.model.Inputs;
import io.diskengine.model.InvalidInput;
import io.diskengine.model.Limits;
import io.diskengine.model.Sizes;
import io.diskengine.model.VolumeMapping;
import io.diskengine.model.VolumeState;
import io.diskengine.store.ControllerStore;
import io.diskengine.store.NewVolume;
import io.diskengine.store.RefusedException;
import io.diskengine.store.VolumeDetails;
import io.diskengine.store.VolumeStatus;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Volumes and their attachment. Every request may be repeated: it answers what is there when that
 * is what was asked for. 202 means accepted and not done yet.
 */
final class VolumeRoutes {
  /**
   * Deletes and detaches at once in the database, so that reads always find a connection; the
   * others wait here, in order. Creates and attaches are gathered by the store.
   */
  static final int MAX_CHANGES_AT_ONCE = 4;

  /** A guest that does not leave within this time is connected. */
  static final Duration GUEST_GONE_WITHIN = Duration.ofSeconds(2);

  /** The agent is asked again after this time. */
  private static final Duration GUEST_LOOK = Duration.ofMillis(250);

  private static final Duration MAX_TURN_WAIT = Duration.ofSeconds(20);
  private static final int DEFAULT_REPLICAS = 2;
  private static final String SIZE_RULE =
      "must be a whole number of bytes, a multiple of 4194304 (4MiB), from 4MiB to 64TiB";

  private final ControllerStore store;
  private final Watch watch;
  private final Semaphore turns = new Semaphore(MAX_CHANGES_AT_ONCE, true);

  VolumeRoutes(ControllerStore store, Watch watch) {
    this.store = store;
    this.watch = watch;
  }

  List<Route> routes() {
    String volume = "/v1/volumes/{name}";
    return List.of(
        Route.of(GET, "/v1/volumes", this::list),
        Route.of(POST, "/v1/volumes", this::create, "wait"),
        Route.of(GET, volume, this::show),
        Route.of(DELETE, volume, this::delete, "wait"),
        Route.of(GET, volume + "/attachment", this::attachment),
        Route.of(PUT, volume + "/attachment", this::attach, "wait"),
        Route.of(DELETE, volume + "/attachment", this::detach, "force", "wait"),
        Route.of(PUT, volume + "/limits", this::limits),
        Route.of(PUT, volume + "/size", this::resize, "wait"),
        Route.of(POST, volume + "/move", this::move, "wait"),
        Route.of(POST, volume + "/replicas/{slot}/move", this::moveReplica, "wait"));
  }

  private Reply list(Request request) {
    return Reply.ok(new Api.Volumes(store.volumes().stream().map(Views::volume).toList()));
  }

  private Reply show(Request request) {
    return Reply.ok(Views.volume(existing(request.volumeName())));
  }

  private VolumeDetails existing(String name) {
    return store.volume(name).orElseThrow(() -> noVolume(name));
  }

  private static ApiException noVolume(String name) {
    return new ApiException(ErrorCode.NOT_FOUND, "there is no volume " + name);
  }

  private Reply create(Request request) {
    NewVolume wanted = newVolume(request);
    Duration maxWait = request.maxWait();
    int status = 201;
    VolumeDetails details;
    try {
      details = store.createVolume(wanted);
    } catch (RefusedException e) {
      if (e.code() != RefusedException.Code.ALREADY_EXISTS) {
        throw e;
      }
      details = existing(wanted.name());
      checkSame(details, wanted);
      status = 200;
    }
    VolumeDetails now =
        await(details, maxWait, s -> s == null || s.state() != VolumeState.CREATING);
    boolean late = !maxWait.isZero() && now.volume().state() == VolumeState.CREATING;
    return new Reply(late ? 202 : status, Views.volume(now));
  }

  private static NewVolume newVolume(Request request) {
    Members body = request.body("name", "sizeBytes", "replicas");
    String replicasRule = "must be a whole number from 1 to " + Inputs.MAX_REPLICAS;
    String name = Inputs.volumeName(body.text("name", Inputs.VOLUME_NAME_RULE));
    long sizeBytes = body.integer("sizeBytes", SIZE_RULE);
    long replicas = body.integer("replicas", DEFAULT_REPLICAS, replicasRule);
    if (replicas < 1 || replicas > Inputs.MAX_REPLICAS) {
      throw new InvalidInput("replicas", Long.toString(replicas), replicasRule);
    }
    checkSize(sizeBytes);
    return new NewVolume(name, sizeBytes, (int) replicas);
  }

  private static void checkSame(VolumeDetails there, NewVolume wanted) {
    var v = there.volume();
    if (v.sizeBytes() != wanted.sizeBytes() || v.replicas() != wanted.replicas()) {
      throw new ApiException(
          ErrorCode.ALREADY_EXISTS,
          "volume %s exists with %s and %d replica(s), asked for %s and %d: choose another name"
              .formatted(
                  v.name(),
                  Sizes.text(v.sizeBytes()),
                  v.replicas(),
                  Sizes.text(wanted.sizeBytes()),
                  wanted.replicas()));
    }
    if (v.state() == VolumeState.DELETING) {
      throw new ApiException(
          ErrorCode.WRONG_STATE,
          "volume " + v.name() + " is being deleted: create it again when it is gone");
    }
  }

  private Reply delete(Request request) {
    String name = request.volumeName();
    Duration maxWait = request.maxWait();
    VolumeDetails details = inTurn(() -> store.delete(name));
    return watch.await(details, maxWait, s -> s == null) != null
        ? new Reply(204, null)
        : new Reply(202, Views.volume(store.volume(name).orElse(details)));
  }

  private Reply attachment(Request request) {
    String name = request.volumeName();
    VolumeDetails details = existing(name);
    VolumeMapping mapping = details.mapping();
    if (mapping == null) {
      throw new ApiException(ErrorCode.NOT_FOUND, "volume " + name + " is not attached");
    }
    return Reply.ok(Views.attachment(details, mapping));
  }

  private Reply attach(Request request) {
    String name = request.volumeName();
    String node =
        Inputs.nodeName(
            request.body("node").text("node", "names a node: " + Inputs.NODE_NAME_RULE));
    Duration maxWait = request.maxWait();
    VolumeDetails details = store.attach(name, node);
    VolumeMapping wanted = details.mapping();
    if (wanted == null) {
      throw new IllegalStateException("attach of " + name + " left no mapping");
    }
    VolumeDetails now =
        await(
            details,
            maxWait,
            s -> !isMapping(s, wanted) || Views.attachmentState(s) != AttachmentState.ATTACHING);
    VolumeMapping mapping = now.mapping();
    if (mapping == null
        || mapping.id() != wanted.id()
        || Views.attachmentState(now) == AttachmentState.DETACHING) {
      throw new ApiException(
          ErrorCode.WRONG_STATE, "volume " + name + " was detached again meanwhile");
    }
    boolean attached = Views.attachmentState(now) == AttachmentState.ATTACHED;
    return new Reply(attached ? 200 : 202, Views.attachment(now, mapping));
  }

  private Reply detach(Request request) {
    String name = request.volumeName();
    boolean force = request.flag("force");
    Duration maxWait = request.maxWait();
    VolumeDetails details = afterItsGuest(name, () -> store.detach(name, force));
    VolumeMapping leaving = details.mapping();
    if (leaving == null) {
      return Reply.ok(Views.volume(details));
    }
    VolumeDetails now = await(details, maxWait, s -> !isMapping(s, leaving));
    boolean late = isMapping(VolumeStatus.of(now), leaving);
    return new Reply(late ? 202 : 200, Views.volume(now));
  }

  /**
   * A guest counts as connected until its agent has seen that it is gone. So before a request is
   * refused for it, the agent is asked to look, again and again for a short while: a QEMU that was
   * just ended holds nobody up.
   */
  private VolumeDetails afterItsGuest(String name, Supplier<VolumeDetails> change) {
    long endNs = System.nanoTime() + GUEST_GONE_WITHIN.toNanos();
    while (true) {
      try {
        return inTurn(change);
      } catch (RefusedException e) {
        if (e.code() != RefusedException.Code.GUEST_CONNECTED || System.nanoTime() > endNs) {
          throw e;
        }
        watch.await(store.askForGuest(name), GUEST_LOOK, VolumeRoutes::hasNoGuest);
      }
    }
  }

  private static boolean hasNoGuest(@Nullable VolumeStatus status) {
    return status == null || status.mapping() == null || !status.mapping().guestConnected();
  }

  private Reply move(Request request) {
    String name = request.volumeName();
    Members body = request.body("node", "force");
    String node = Inputs.nodeName(body.text("node", "names a node: " + Inputs.NODE_NAME_RULE));
    boolean force = body.flag("force", false);
    Duration maxWait = request.maxWait();
    VolumeDetails details = afterItsGuest(name, () -> store.move(name, node, force));
    VolumeDetails now = await(details, maxWait, s -> s == null || isAttachedTo(s, node));
    boolean there = isAttachedTo(VolumeStatus.of(now), node);
    return new Reply(there ? 200 : 202, Views.volume(now));
  }

  private Reply limits(Request request) {
    String name = request.volumeName();
    Members body = request.body("iops", "mbps");
    Limits limits =
        Limits.of(
            body.integer("iops", 0, Limits.IOPS_RULE), body.integer("mbps", 0, Limits.MB_RULE));
    return Reply.ok(Views.volume(inTurn(() -> store.limit(name, limits))));
  }

  private Reply resize(Request request) {
    String name = request.volumeName();
    long sizeBytes = request.body("sizeBytes").integer("sizeBytes", SIZE_RULE);
    checkSize(sizeBytes);
    Duration maxWait = request.maxWait();
    VolumeDetails details = inTurn(() -> store.resize(name, sizeBytes));
    VolumeDetails now =
        await(details, maxWait, s -> s == null || s.state() != VolumeState.RESIZING);
    boolean late = now.volume().state() == VolumeState.RESIZING;
    return new Reply(late ? 202 : 200, Views.volume(now));
  }

  private static void checkSize(long sizeBytes) {
    try {
      Sizes.checkVolumeSize(sizeBytes);
    } catch (InvalidInput e) {
      throw new InvalidInput("sizeBytes", Long.toString(sizeBytes), SIZE_RULE);
    }
  }

  private Reply moveReplica(Request request) {
    String name = request.volumeName();
    String slotText = request.path("slot");
    if (!slotText.matches("[0-9]{1,2}")) {
      throw new InvalidInput("slot", slotText, "must be a slot of the volume's placement, e.g. 0");
    }
    int slot = Integer.parseInt(slotText);
    String node = request.body("node").textOrNull("node", "names a storage node");
    if (node != null) {
      Inputs.nodeName(node);
    }
    Duration maxWait = request.maxWait();
    VolumeDetails details = inTurn(() -> store.moveReplica(name, slot, node));
    VolumeDetails now = await(details, maxWait, s -> s == null || s.whole());
    return new Reply(VolumeStatus.of(now).whole() ? 200 : 202, Views.volume(now));
  }

  private static boolean isAttachedTo(VolumeStatus status, String node) {
    VolumeStatus.Mapping mapping = status.mapping();
    return mapping != null
        && mapping.node().equals(node)
        && Views.attachmentState(status) == AttachmentState.ATTACHED;
  }

  private static boolean isMapping(@Nullable VolumeStatus status, VolumeMapping mapping) {
    VolumeStatus.Mapping now = status == null ? null : status.mapping();
    return now != null && now.id() == mapping.id();
  }

  /** The volume after the wait; as it was when nothing was waited for. */
  private VolumeDetails await(
      VolumeDetails from, Duration maxWait, Predicate<@Nullable VolumeStatus> done) {
    if (done.test(VolumeStatus.of(from)) || maxWait.isZero()) {
      return from;
    }
    String name = from.volume().name();
    Optional<VolumeDetails> seen = watch.await(from, maxWait, done);
    VolumeDetails now = seen == null ? existing(name) : seen.orElseThrow(() -> noVolume(name));
    if (now.volume().id() != from.volume().id()) {
      throw noVolume(name);
    }
    return now;
  }

  private <T> T inTurn(Supplier<T> change) {
    try {
      if (!turns.tryAcquire(MAX_TURN_WAIT.toSeconds(), TimeUnit.SECONDS)) {
        throw new ApiException(
            ErrorCode.TOO_MANY_REQUESTS, "too many changes wait for their turn: try again later");
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new ApiException(ErrorCode.INTERNAL, "interrupted: nothing was changed");
    }
    try {
      return change.get();
    } finally {
      turns.release();
    }
  }
}
