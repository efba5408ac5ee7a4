package io.diskengine.api;

import io.diskengine.model.Disk;
import io.diskengine.model.Event;
import io.diskengine.model.Lvol;
import io.diskengine.model.LvolState;
import io.diskengine.model.LvolSync;
import io.diskengine.model.Node;
import io.diskengine.model.ObjectKind;
import io.diskengine.model.ObjectRef;
import io.diskengine.model.VmMapping;
import io.diskengine.model.VmMappingState;
import io.diskengine.model.Volume;
import io.diskengine.model.VolumeMapping;
import io.diskengine.model.VolumeState;
import io.diskengine.store.NodeUse;
import io.diskengine.store.ReasonRow;
import io.diskengine.store.VolumeDetails;
import io.diskengine.store.VolumeStatus;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** From rows to the API's JSON. Pure. */
final class Views {
  /** Where a volume stands with regard to its node. */
  enum AttachmentState {
    NONE,
    ATTACHING,
    ATTACHED,
    DETACHING
  }

  private Views() {}

  static AttachmentState attachmentState(VolumeDetails details) {
    return attachmentState(VolumeStatus.of(details));
  }

  static AttachmentState attachmentState(VolumeStatus status) {
    VolumeStatus.Mapping mapping = status.mapping();
    if (mapping == null) {
      return AttachmentState.NONE;
    }
    return switch (mapping.state()) {
      case ASSIGNED, INITIALISED -> AttachmentState.ATTACHING;
      case ATTACHED ->
          mapping.vmState() == VmMappingState.ATTACHED
              ? AttachmentState.ATTACHED
              : AttachmentState.ATTACHING;
      case DETACHING -> AttachmentState.DETACHING;
      case DETACHED, FENCED -> AttachmentState.NONE;
    };
  }

  static Api.Volume volume(VolumeDetails details) {
    Volume v = details.volume();
    return new Api.Volume(
        v.id(),
        v.uuid(),
        v.name(),
        v.state().name(),
        v.error(),
        v.sizeBytes(),
        v.guestBytes(),
        v.blockSize(),
        v.replicas(),
        v.thin(),
        v.limits().iopsPerSec(),
        v.limits().mbPerSec(),
        v.epoch(),
        v.createdAt(),
        details.lvols().stream().map(l -> replica(l, details)).toList(),
        details.mapping() == null ? null : attachment(details, details.mapping()),
        waitingFor(details));
  }

  private static Api.Replica replica(Lvol l, VolumeDetails details) {
    Map<Long, String> nodeNames = details.nodeNames();
    ObjectRef ref = new ObjectRef(ObjectKind.LVOL, l.id());
    String waitingFor =
        details.reasons().stream()
            .filter(r -> r.reason().object().equals(ref))
            .map(r -> r.reason().waitingFor())
            .findFirst()
            .orElse(Why.lvolWaitsFor(l, name(nodeNames, l.nodeId())));
    return new Api.Replica(
        l.id(),
        l.slot(),
        l.generation(),
        l.name(),
        name(nodeNames, l.nodeId()),
        l.diskId(),
        l.nqn(),
        l.state().name(),
        l.sync().name(),
        l.rebuildPercent(),
        l.kept().name(),
        waitingFor);
  }

  static Api.Attachment attachment(VolumeDetails details, VolumeMapping mapping) {
    VmMapping vm = details.vmMapping();
    AttachmentState state = attachmentState(details);
    return new Api.Attachment(
        details.volume().name(),
        name(details.nodeNames(), mapping.nodeId()),
        state.name(),
        vm == null ? null : vm.controllerName(),
        vm == null || vm.state() != VmMappingState.ATTACHED ? null : vm.socketPath(),
        mapping.raidState(),
        details.volume().guestBytes(),
        state == AttachmentState.ATTACHED ? null : waitingFor(details));
  }

  static String name(Map<Long, String> nodeNames, long nodeId) {
    return nodeNames.getOrDefault(nodeId, "node " + nodeId);
  }

  /** One line about the volume, from what its details hold; null when all is settled. */
  static @Nullable String waitingFor(VolumeDetails details) {
    Volume volume = details.volume();
    if (volume.state() == VolumeState.ERROR) {
      return volume.error();
    }
    AttachmentState attachment = attachmentState(details);
    boolean settled =
        volume.state() == VolumeState.AVAILABLE
            && (attachment == AttachmentState.NONE || attachment == AttachmentState.ATTACHED)
            && details.lvols().stream()
                .allMatch(l -> l.state() == LvolState.UP && l.sync() == LvolSync.IN_SYNC);
    if (settled) {
      return null;
    }
    // The reason that waits for no other object is nearest to the root.
    for (ReasonRow row : details.reasons()) {
      if (row.reason().cause() == null) {
        return row.reason().waitingFor();
      }
    }
    if (!details.reasons().isEmpty()) {
      return details.reasons().getFirst().reason().waitingFor();
    }
    for (Lvol l : details.lvols()) {
      String waits = Why.lvolWaitsFor(l, name(details.nodeNames(), l.nodeId()));
      if (waits != null) {
        return waits;
      }
    }
    VolumeMapping mapping = details.mapping();
    return mapping == null || attachment == AttachmentState.ATTACHED
        ? Why.volumeWaitsFor(volume)
        : Why.mappingWaitsFor(attachment, name(details.nodeNames(), mapping.nodeId()));
  }

  static Api.Node node(Node n) {
    return new Api.Node(
        n.id(),
        n.name(),
        n.mode().text(),
        n.failureDomain(),
        n.hostNqn(),
        n.addresses().stream().map(Object::toString).toList(),
        n.schedulability().name(),
        n.leaseValid(),
        n.leaseHolder(),
        n.leaseExpires(),
        n.dataPlane().name(),
        n.dataPlaneSince(),
        n.spdkVersion());
  }

  static Api.NodeUse use(NodeUse u) {
    return new Api.NodeUse(
        u.node().name(),
        u.node().schedulability().name(),
        u.replicas(),
        u.attachments(),
        u.staying());
  }

  static Api.Disk disk(Disk d, Map<Long, String> nodeNames) {
    return new Api.Disk(
        d.id(),
        d.uuid(),
        name(nodeNames, d.nodeId()),
        d.serial(),
        d.nsid(),
        d.model(),
        d.address(),
        d.state().name(),
        d.sizeBytes(),
        d.blockSize(),
        d.lvstoreName(),
        d.totalClusters() * d.clusterSizeBytes(),
        d.freeClusters() * d.clusterSizeBytes(),
        d.health());
  }

  static Api.Event event(Event e) {
    return new Api.Event(
        e.id(),
        e.at(),
        e.severity().name(),
        e.node(),
        object(e.object(), e.objectName()),
        e.message());
  }

  static Api.ObjectId object(ObjectRef ref, String name) {
    return new Api.ObjectId(ref.kind().text(), ref.id(), name);
  }
}
