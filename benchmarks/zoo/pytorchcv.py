"""Networks of pytorchcv for images: classification, segmentation, keypoints and faces.

The functions that build them lie in one module for each family. The package's `model_provider` would import all of
them and with them torchvision, which none of these needs.
"""

from __future__ import annotations

from collections.abc import Iterator

from zoo.model import ZooModel, images, published

IMPORTS = ("pytorchcv.models.common",)

# By the side of the smallest square image that the architecture takes.
FAMILIES: dict[int, str] = {
    32: """
        densenet_cifar.densenet40_k12_bc_cifar10 diaresnet_cifar.diaresnet20_cifar10 fractalnet_cifar.fractalnet_cifar10
        msdnet_cifar10.msdnet22_cifar10 nin_cifar.nin_cifar10 pyramidnet_cifar.pyramidnet110_a48_cifar10
        resdropresnet_cifar.resdropresnet20_cifar10 resnet_cifar.resnet20_cifar10 rir_cifar.rir_cifar10
        shakedropresnet_cifar.shakedropresnet20_cifar10 shakeshakeresnet_cifar.shakeshakeresnet20_2x16d_cifar10
    """,
    64: """
        centernet.centernet_resnet18_voc cgnet.cgnet_cityscapes contextnet.ctxnet_cityscapes dabnet.dabnet_cityscapes
        danet.danet_resnetd50b_cityscapes dicenet.dicenet_wd5 edanet.edanet_cityscapes efficientnet.efficientnet_b0
        efficientnet.efficientnet_b0b efficientnetedge.efficientnet_edge_small_b enet.enet_cityscapes
        erfnet.erfnet_cityscapes espcnet.espcnet_cityscapes fpenet.fpenet_cityscapes isqrtcovresnet.isqrtcovresnet18
        lednet.lednet_cityscapes linknet.linknet_cityscapes prnet.prnet regnet.regnetx002 regnet.regnety002
        resnesta.resnestabc14 resnetd.resnetd50b simplepose_coco.simplepose_resnet18_coco
        simpleposemobile_coco.simplepose_mobile_mobilenetv3_small_w1_coco sqnet.sqnet_cityscapes tresnet.tresnet_m
        unet.unet_cityscapes
    """,
    128: "lffd.lffd20x5s320v2_widerface scnet.scnet50 sinet.sinet_cityscapes",
    160: "msdnet.msdnet22",
    224: """
        airnet.airnet50_1x64d_r2 bagnet.bagnet9 bamresnet.bam_resnet18 bninception.bninception channelnet.channelnet
        condensenet.condensenet74_c4_g4 darts.darts densenet.densenet121 diracnetv2.diracnet18v2 dla.dla46c dpn.dpn68
        espnetv2.espnetv2_wd2 fbnet.fbnet_cb fishnet.fishnet99 ghostnet.ghostnet hardnet.hardnet39ds
        hrnet.hrnet_w18_small_v1 mixnet.mixnet_s mnasnet.mnasnet_small mobilenet.mobilenet_wd4
        mobilenetv2.mobilenetv2_wd4 mobilenetv3.mobilenetv3_small_w7d20 nasnet.nasnet_4a1056 octresnet.octresnet10_ad2
        peleenet.peleenet preresnet.preresnet18_wd4 proxylessnas.proxylessnas_mobile resnet.resnet18_wd4
        resnext.resnext14_16x4d revnet.revnet38 selecsls.selecsls42 shufflenet.shufflenet_g3_wd4
        shufflenetv2.shufflenetv2_wd2 sknet.sknet50 sparsenet.sparsenet121 squeezenet.squeezenet_v1_1
        squeezenext.sqnxt23_w1 vovnet.vovnet27s
    """,
    299: "inceptionresnetv1.inceptionresnetv1 inceptionv3.inceptionv3 xception.xception",
}


def models() -> Iterator[ZooModel]:
    """One or two small members of each family."""
    for size, names in FAMILIES.items():
        for name in names.split():
            family, function = name.split(".")
            yield published(f"pytorchcv.models.{family}:{function}", images(size))
